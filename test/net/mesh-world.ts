// Meshes over real sockets on loopback, and a peer that can be made to misbehave.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import type { TraceNote } from '../../src/engine/ports.js';
import { FrameDecoder, FrameEncoder, type FrameEntry } from '../../src/net/frame.js';
import { Handshake, type HandshakeSelf, type Session } from '../../src/net/handshake.js';
import { Mesh, type MeshOptions } from '../../src/net/mesh.js';
import { Recorder, type TransportWorld } from '../conformance/transport.js';
import { freePort } from '../free-port.js';

/** A limit for broken runs. */
const PATIENCE_MS = 120_000;
export const FRAME_BYTES_MAX = 2 * 1024 * 1024;

export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(2);
  }
}

export class MeshNode {
  readonly transport: Mesh;
  readonly heard = new Recorder();
  readonly notes: TraceNote[] = [];
  readonly fatal: unknown[] = [];
  readonly store: string;
  readonly port: number;
  readonly #id: string;
  readonly #http: Server;

  private constructor(id: string, http: Server, changes: Partial<MeshOptions>) {
    this.#id = id;
    this.#http = http;
    this.store = `store-of-${id}`;
    this.port = (http.address() as AddressInfo).port;
    this.transport = new Mesh({
      id,
      store: () => this.store,
      secret: null,
      gids: () => ({ main: null }),
      frameBytesMax: FRAME_BYTES_MAX,
      trace: (note) => this.notes.push(note),
      onFatal: (error) => this.fatal.push(error),
      ...changes,
    });
    const sockets = new WebSocketServer({ server: http, path: '/mesh', maxPayload: FRAME_BYTES_MAX });
    sockets.on('connection', (socket, request) => this.transport.accept(socket, request));
  }

  /** On a port of its own unless one is given: one that nobody takes while the node is away. */
  static async start(id: string, changes: Partial<MeshOptions> = {}, port = 0): Promise<MeshNode> {
    const http = createServer();
    http.listen(port === 0 ? await freePort() : port, '127.0.0.1');
    await once(http, 'listening');
    return new MeshNode(id, http, changes);
  }

  get address(): { id: string; url: string } {
    return { id: this.#id, url: `http://127.0.0.1:${this.port}` };
  }

  listen(): this {
    this.transport.listen(this.heard);
    return this;
  }

  /** Closes the mesh and the server below it; the port is free afterwards. */
  async stop(): Promise<void> {
    await this.transport.close();
    if (!this.#http.listening) return;
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}

/** Nodes that keep their port from life to life. */
export function meshWorld(changes: Partial<MeshOptions> = {}): TransportWorld {
  const ports = new Map<string, number>();
  const nodes: MeshNode[] = [];
  return {
    async node(id) {
      for (const node of nodes) if (node.address.id === id) await node.stop();
      const node = await MeshNode.start(id, changes, ports.get(id) ?? 0);
      ports.set(id, node.port);
      nodes.push(node);
      return node;
    },
    until,
    settle: () => sleep(100),
    async end() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** A dialler under the test's control, down to its bytes. */
export class RawPeer {
  readonly socket: WebSocket;
  readonly messages: Buffer[] = [];
  readonly sent: Buffer[] = [];
  closed: { code: number; reason: string } | null = null;
  session: Session | null = null;
  #encoder: FrameEncoder | null = null;
  #decoder: FrameDecoder | null = null;

  constructor(port: number, options: { readonly autoPong?: boolean } = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/mesh`, {
      perMessageDeflate: false,
      autoPong: options.autoPong ?? true,
    });
    this.socket.on('message', (data) => this.messages.push(data as Buffer));
    this.socket.on('error', () => this.socket.terminate());
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
  }

  async open(): Promise<this> {
    if (this.socket.readyState !== this.socket.OPEN) await once(this.socket, 'open');
    return this;
  }

  /** Shakes hands as the given node and returns when the link stands. */
  async shake(self: Partial<HandshakeSelf> & { readonly id: string }, expected: string): Promise<this> {
    await this.open();
    const whole = {
      store: `store-of-${self.id}`,
      life: 'raw',
      secret: null,
      frameBytesMax: FRAME_BYTES_MAX,
      gids: () => ({}),
      ...self,
    };
    const handshake = new Handshake('dialler', whole, expected);
    this.post(handshake.open());
    for (let step = 0; this.session === null; step++) {
      await until('the next step of the handshake', () => this.messages.length > step || this.closed !== null);
      if (this.closed !== null) throw new Error(`closed ${this.closed.code} ${this.closed.reason}`);
      const { reply, session } = handshake.receive(this.messages[step] ?? Buffer.alloc(0));
      if (reply !== null) this.post(reply);
      this.session = session;
    }
    this.#encoder = new FrameEncoder(this.session.sendKey);
    this.#decoder = new FrameDecoder(this.session.receiveKey);
    this.messages.length = 0;
    return this;
  }

  frame(entries: readonly FrameEntry[]): Buffer {
    if (this.#encoder === null) throw new Error('shake first');
    for (const { group, message } of entries) this.#encoder.add(group, message, 2 ** 30);
    return this.#encoder.finish();
  }

  received(): FrameEntry[] {
    return this.messages.splice(0).flatMap((frame) => this.#decoder?.decode(frame) ?? []);
  }

  post(bytes: Buffer): void {
    this.sent.push(bytes);
    this.socket.send(bytes);
  }

  async closing(): Promise<{ code: number; reason: string }> {
    await until('the peer is closed', () => this.closed !== null);
    return this.closed ?? { code: 0, reason: '' };
  }
}
