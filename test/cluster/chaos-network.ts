// TCP proxies between the nodes of a test. Each stands before one node; who dialled is read from the first message of the
// mesh handshake, so one direction between two nodes can be stopped alone. What is stopped is held, as in a network that
// re-sends: bytes, connects and closes come through, late, when it heals.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../free-port.js';
import type { Network, Place } from './network.js';

const HELD_BYTES_MAX = 8 * 1024 * 1024;

export class ChaosNetwork implements Network {
  readonly description: string;
  readonly #stopped = new Set<string>();
  readonly #servers: Server[] = [];
  readonly #pipes = new Set<Pipe>();
  readonly #sockets = new Set<Socket>();

  constructor(why: string) {
    this.description = `TCP proxies on loopback (${why})`;
  }

  /** A new proxy before a port of its own. */
  async place(id: string): Promise<Place> {
    const port = await freePort();
    const server = createServer({ allowHalfOpen: true }, (inner) => this.#join(inner, id, port));
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port: before } = server.address() as AddressInfo;
    return { listen: `127.0.0.1:${port}`, url: `http://127.0.0.1:${before}`, launcher: [], flags: [] };
  }

  /** Nothing gets from one to the other any more. */
  stop(from: string, to: string): void {
    this.#stopped.add(`${from}>${to}`);
  }

  heal(): void {
    this.#stopped.clear();
    for (const pipe of this.#pipes) pipe.flow();
  }

  isStopped(from: string | null, to: string | null): boolean {
    return this.#stopped.has(`${from}>${to}`);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  #join(dialler: Socket, target: string, port: number): void {
    const acceptor = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const inwards = new Pipe(this, dialler, acceptor, null, target);
    const outwards = new Pipe(this, acceptor, dialler, target, null);
    const who = new DiallerSniffer((id) => {
      inwards.from = id;
      outwards.to = id;
    });
    dialler.on('data', (bytes: Buffer) => {
      who.read(bytes);
      inwards.take(bytes);
    });
    acceptor.on('data', (bytes: Buffer) => outwards.take(bytes));
    for (const [socket, pipe] of [
      [dialler, inwards],
      [acceptor, outwards],
    ] as const) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      this.#pipes.add(pipe);
      socket.on('end', () => pipe.end());
      socket.on('error', () => pipe.end());
      socket.on('close', () => {
        pipe.end();
        this.#sockets.delete(socket);
        if (pipe.isEmpty) this.#pipes.delete(pipe);
      });
    }
  }
}

/** One direction of one connection. */
class Pipe {
  from: string | null;
  to: string | null;
  readonly #network: ChaosNetwork;
  readonly #source: Socket;
  readonly #sink: Socket;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;

  constructor(network: ChaosNetwork, source: Socket, sink: Socket, from: string | null, to: string | null) {
    this.#network = network;
    this.#source = source;
    this.#sink = sink;
    this.from = from;
    this.to = to;
  }

  get isEmpty(): boolean {
    return this.#heldBytes === 0;
  }

  take(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.flow();
    if (this.#heldBytes > HELD_BYTES_MAX) this.#source.pause();
  }

  end(): void {
    this.#ended = true;
    this.flow();
  }

  flow(): void {
    if (this.#network.isStopped(this.from, this.to)) return;
    for (const bytes of this.#held) if (this.#sink.writable) this.#sink.write(bytes);
    this.#held = [];
    this.#heldBytes = 0;
    this.#source.resume();
    if (this.#ended) this.#sink.end();
  }
}

/** Reads the dialler's id out of an upgrade request followed by one masked frame that holds a handshake. */
class DiallerSniffer {
  #bytes: Buffer | null = Buffer.alloc(0);
  readonly #found: (id: string) => void;

  constructor(found: (id: string) => void) {
    this.#found = found;
  }

  read(chunk: Buffer): void {
    if (this.#bytes === null) return;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const headEnd = this.#bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const frame = this.#bytes.subarray(headEnd + 4);
    const [, lengths = 0] = frame;
    // A handshake's first message is between 35 and 125 bytes, so its length stands in one byte.
    const end = 6 + (lengths & 0x7f);
    if (frame.length < 2 || frame.length < end) return;
    const message = Buffer.from(frame.subarray(6, end));
    for (let at = 0; at < message.length; at++) message[at] = (message[at] ?? 0) ^ (frame[2 + (at % 4)] ?? 0);
    const id = message.toString('latin1', 3, 3 + (message[2] ?? 0));
    this.#bytes = null;
    this.#found(id);
  }
}
