// One follower on a WebSocket. It is sent no more than a bounded backlog and dropped nothing: while the peer is slow the
// log is simply not read further. A peer that neither answers pings nor takes bytes is dead.
import type { WebSocket } from 'ws';
import type { Follower } from '../../../src/engine/face.js';
import type { Frame } from './frames.js';

/** Above this backlog the next frame waits until the last one is handed to the system. */
const BACKLOG_BYTES_MAX = 256 * 1024;
/** A follower has nothing to say but pongs and a close. */
const INBOUND_BYTES_MAX = 16 * 1024;
const SILENT_BEATS_MAX = 2;
/** A peer that does not answer the close frame is cut after this. */
const CLOSE_GRACE_MS = 500;

export const CLOSE = {
  goingAway: 1001,
  tooMuchInbound: 1009,
  failed: 1011,
  tryLater: 1013,
  badParameters: 4400,
  noSuchGroup: 4404,
  deadPeer: 4408,
  gap: 4410,
} as const;

export class SocketSession {
  readonly #socket: WebSocket;
  readonly #follower: Follower;
  #open = true;
  #silentBeats = 0;
  #inboundBytes = 0;
  #backlogBytes = 0;

  /** Attaches its listeners at once, so that nothing the peer does meanwhile is missed. */
  constructor(socket: WebSocket, follower: Follower, ended: () => void) {
    this.#socket = socket;
    this.#follower = follower;
    socket.on('pong', () => this.#alive());
    socket.on('ping', (data: Buffer) => this.#received(data.length + 1));
    socket.on('message', (data: Buffer) => this.#received(data.length + 1));
    socket.once('close', () => {
      this.#open = false;
      follower.close();
      ended();
    });
  }

  isOpen = (): boolean => this.#open;

  async send(frames: AsyncIterable<Frame>): Promise<void> {
    for await (const frame of frames) {
      if (!this.#open) return;
      await this.#sendOne(frame.text);
      if (frame.gap) return this.close(CLOSE.gap, 'gap');
    }
  }

  /** Called every 15 seconds. */
  beat(): void {
    this.#inboundBytes = 0;
    // A slow reader may be far from our ping still. That the system takes small frames proves nothing: it has buffers.
    const backlogBytes = this.#socket.bufferedAmount;
    if (backlogBytes < this.#backlogBytes) this.#alive();
    this.#backlogBytes = backlogBytes;
    this.#silentBeats += 1;
    if (this.#silentBeats > SILENT_BEATS_MAX) this.close(CLOSE.deadPeer, 'dead peer');
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#open = false;
    this.#follower.close();
    closeSocket(this.#socket, code, reason);
  }

  #sendOne(text: string): Promise<void> | undefined {
    if (this.#socket.bufferedAmount < BACKLOG_BYTES_MAX) {
      this.#socket.send(text);
      return undefined;
    }
    return new Promise((resolve) => {
      this.#socket.send(text, (error) => {
        if (!error) this.#alive();
        resolve();
      });
    });
  }

  #alive(): void {
    this.#silentBeats = 0;
  }

  #received(bytes: number): void {
    this.#alive();
    this.#inboundBytes += bytes;
    if (this.#inboundBytes > INBOUND_BYTES_MAX) this.close(CLOSE.tooMuchInbound, 'a follower has nothing to say');
  }
}

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  socket.once('close', () => clearTimeout(timer));
}
