// One life of a connection to a peer: handshake, then frames both ways, then its end. Bounded: what a slow peer does
// not take is dropped and counted. Notices silence. Does not dial, and does not know of other links: its owner does.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { GroupId, NodeId } from '../core/ids.js';
import type { PeerMessage } from '../engine/peer-messages.js';
import { FrameDecoder, FrameEncoder } from './frame.js';
import { FrameError } from './frame-error.js';
import { type Handshake, HandshakeRefused, type Role, type Session } from './handshake.js';
import {
  CLOSE_BAD_FRAME,
  CLOSE_DEAD,
  CLOSE_REFUSED,
  FRAME_BYTES,
  GOODBYE_MS,
  HANDSHAKE_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  HEARTBEAT_MS,
  SILENCE_MS_MAX,
} from './limits.js';
import type { Farewell, LinkLimits, LinkOwner } from './link-owner.js';
import { noTraffic, type Traffic } from './traffic.js';

const REASON_CHARS_MAX = 120;
const CLOSE_TOO_LARGE = 1009;
const CLOSE_INTERNAL = 1011;

interface Open {
  readonly session: Session;
  readonly encoder: FrameEncoder;
  readonly decoder: FrameDecoder;
  readonly sinceMs: number;
}

export class Link {
  readonly role: Role;
  readonly remote: string;
  readonly traffic: Traffic = noTraffic();
  readonly #socket: WebSocket;
  readonly #handshake: Handshake;
  readonly #owner: LinkOwner;
  readonly #limits: LinkLimits;
  readonly #timers: NodeJS.Timeout[] = [];
  #wire: Socket | null = null;
  #state: 'shaking' | 'up' | 'down' = 'shaking';
  #open: Open | null = null;
  #bytesRead = 0;
  #heardAtMs = performance.now();
  #pings = 0;
  #pingedAtMs = 0;
  #rttMs: number | null = null;

  /** `wire` is the connection below an accepted socket; a dialled one brings its own. Listens at once: no byte is lost. */
  constructor(
    socket: WebSocket,
    wire: Socket | null,
    remote: string,
    handshake: Handshake,
    owner: LinkOwner,
    limits: LinkLimits,
  ) {
    this.#socket = socket;
    this.#wire = wire;
    this.remote = remote;
    this.role = handshake.role;
    this.#handshake = handshake;
    this.#owner = owner;
    this.#limits = limits;
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('pong', (data) => this.#pong(data));
    socket.on('ping', () => this.#heard());
    socket.on('error', (error) => this.end({ code: closeCodeOf(error), reason: error.message }));
    socket.on('close', (code, reason) => this.#closed({ code, reason: reason.toString() }));
    if (this.role === 'dialler') {
      socket.on('upgrade', (response) => {
        this.#wire = response.socket;
      });
      socket.on('open', () => this.#post(handshake.open()));
    }
    this.#after(HANDSHAKE_MS_MAX, () => {
      if (this.#state === 'shaking') this.end({ code: CLOSE_REFUSED, reason: 'handshake timed out' });
    });
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Whom the other side claims to be, before and after it is proved. */
  get claimed(): NodeId | null {
    return this.#handshake.claimed;
  }

  get session(): Session | null {
    return this.#open?.session ?? null;
  }

  get upSinceMs(): number | null {
    return this.#open?.sinceMs ?? null;
  }

  get rttMs(): number | null {
    return this.#rttMs;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount + (this.#open?.encoder.length ?? 0);
  }

  /** Queues the message for the next flush, or drops it. A frame that is full leaves at once. */
  send(group: GroupId, message: PeerMessage): void {
    const open = this.#open;
    if (open === null || this.#state !== 'up') return;
    const { encoder, session } = open;
    const usual = Math.min(FRAME_BYTES, session.frameBytesMax);
    if (this.bufferedBytes > this.#limits.bufferBytesMax) {
      this.traffic.droppedMessages++;
      return;
    }
    let added = encoder.add(group, message, usual);
    if (!added && encoder.count > 0) {
      this.flush();
      added = encoder.add(group, message, usual);
    }
    if (!added) {
      added = encoder.add(group, message, session.frameBytesMax);
      if (added) this.flush();
    }
    if (added) this.traffic.messagesOut++;
    else this.traffic.droppedMessages++;
  }

  flush(): void {
    const open = this.#open;
    if (open === null || this.#state !== 'up' || open.encoder.count === 0) return;
    const frame = open.encoder.finish();
    this.traffic.framesOut++;
    this.traffic.bytesOut += frame.length;
    this.#post(frame);
  }

  /** Pings when it is time, ends the link when it was silent for too long. `late`: this process itself stood still. */
  look(nowMs: number, late: boolean): void {
    if (this.#state !== 'up') return;
    const bytesRead = this.#wire?.bytesRead ?? 0;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardAtMs = nowMs;
    }
    if (late) this.#heardAtMs = Math.max(this.#heardAtMs, nowMs - SILENCE_MS_MAX + HEARTBEAT_MS);
    if (nowMs - this.#heardAtMs >= SILENCE_MS_MAX) {
      this.#socket.terminate();
      this.end({ code: CLOSE_DEAD, reason: 'silent' });
    } else if (nowMs - this.#pingedAtMs >= HEARTBEAT_MS) {
      this.#ping(nowMs);
    }
  }

  /** Nothing is delivered or sent from now on. Says goodbye if it can, and cuts the connection if that takes long. */
  end(farewell: Farewell): void {
    if (this.#state === 'down') return;
    const isConnecting = this.#socket.readyState === this.#socket.CONNECTING;
    this.#state = 'down';
    for (const timer of this.#timers) clearTimeout(timer);
    if (isConnecting) {
      this.#socket.terminate();
    } else {
      this.#socket.close(farewell.code, farewell.reason.slice(0, REASON_CHARS_MAX));
      this.#after(GOODBYE_MS, () => this.#socket.terminate());
    }
    this.#guard(() => this.#owner.down(this, farewell));
  }

  #message(data: unknown, isBinary: boolean): void {
    if (this.#state === 'down') return;
    this.#heard();
    try {
      if (!isBinary || !Buffer.isBuffer(data)) throw new FrameError('not a binary message');
      if (data.length > this.#limits.frameBytesMax) throw new FrameError(`${data.length} bytes in a frame`);
      if (this.#open === null) this.#shake(data);
      else this.#frame(this.#open, data);
    } catch (error) {
      if (error instanceof HandshakeRefused) this.end({ code: CLOSE_REFUSED, reason: error.message });
      else if (error instanceof FrameError) {
        this.end({ code: this.#open === null ? CLOSE_REFUSED : CLOSE_BAD_FRAME, reason: error.message });
      } else this.#fail(error);
    }
  }

  #shake(data: Buffer): void {
    if (data.length > HANDSHAKE_BYTES_MAX) throw new HandshakeRefused('malformed handshake');
    const { reply, session } = this.#handshake.receive(data);
    const refusal = session === null ? null : this.#owner.admit(this, session);
    if (refusal !== null) {
      this.end(refusal);
      return;
    }
    if (this.#state === 'down') return;
    if (reply !== null) this.#post(reply);
    if (session === null) return;
    const nowMs = performance.now();
    this.#open = {
      session,
      encoder: new FrameEncoder(session.sendKey),
      decoder: new FrameDecoder(session.receiveKey),
      sinceMs: nowMs,
    };
    this.#state = 'up';
    this.#ping(nowMs);
    this.#owner.up(this, session.hello);
  }

  #frame(open: Open, data: Buffer): void {
    const { hello } = open.session;
    const entries = open.decoder.decode(data);
    for (const { message } of entries) {
      // A ballot belongs to its node: only that node asks for promises and votes under it.
      if ((message.type === 'prepare' || message.type === 'accept') && message.ballot.node !== hello.id) {
        throw new FrameError(`${message.type} under a ballot of another node`);
      }
    }
    this.traffic.framesIn++;
    this.traffic.bytesIn += data.length;
    this.traffic.messagesIn += entries.length;
    this.#owner.received(this, hello, entries);
  }

  #post(frame: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(frame, { binary: true, compress: false });
  }

  #ping(nowMs: number): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const number = Buffer.allocUnsafe(4);
    this.#pings = (this.#pings + 1) >>> 0;
    number.writeUInt32BE(this.#pings);
    this.#pingedAtMs = nowMs;
    this.#socket.ping(number);
  }

  #pong(data: Buffer): void {
    this.#heard();
    const isLatest = data.length === 4 && data.readUInt32BE() === this.#pings;
    if (isLatest) this.#rttMs = performance.now() - this.#pingedAtMs;
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
  }

  #closed(farewell: Farewell): void {
    this.end(farewell);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#guard(() => this.#owner.gone(this));
  }

  #after(ms: number, work: () => void): void {
    this.#timers.push(setTimeout(work, ms));
  }

  /** Nothing may be thrown into the socket library: it would take it for its own mistake. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#owner.failed(error);
    this.end({ code: CLOSE_INTERNAL, reason: 'internal' });
  }
}

/** The library closes with the right code by itself before it reports; this one is for the record. */
function closeCodeOf(error: Error): number {
  return 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? CLOSE_TOO_LARGE : CLOSE_INTERNAL;
}
