// Feed followers over WebSocket and Server-Sent Events that write down every commit, and come back after a broken
// connection where they were, on the same node. They keep what they were sent as text.
import { WebSocket } from 'ws';
import { pause } from './node-process.js';

export interface Commit {
  readonly instanceId: number;
  readonly values: readonly { readonly index: number; readonly machine: string; readonly value: unknown }[];
}

interface FeedFrame extends Partial<Commit> {
  readonly type: string;
  readonly from?: number;
}

export interface FollowerOptions {
  readonly url: string;
  readonly from?: string;
  /** Also system values and those that were not applied. */
  readonly everything?: boolean;
}

export abstract class FeedFollower {
  readonly commits: Commit[] = [];
  readonly everything: boolean;
  readonly name: string;
  /** Its first position; null until the first hello. */
  start: number | null = null;
  /** Everything below was sent or is known to hold nothing for this follower. */
  position = 0;
  /** What ended it, other than close(). */
  failure: Error | null = null;
  protected readonly options: FollowerOptions;
  protected isOpen = true;
  readonly #ended: Promise<void>;

  constructor(options: FollowerOptions) {
    this.options = options;
    this.everything = options.everything ?? false;
    this.name = `${new.target.name} at ${options.url}`;
    // Not before the constructors are through.
    this.#ended = Promise.resolve()
      .then(() => this.#follow())
      .catch((error: Error) => {
        this.failure = error;
      });
  }

  async close(): Promise<void> {
    this.isOpen = false;
    this.hangUp();
    await this.#ended;
  }

  /** Resolves when the connection is over. */
  protected abstract once(query: string): Promise<void>;
  protected abstract hangUp(): void;

  protected take(text: string): void {
    const frame = JSON.parse(text) as FeedFrame;
    if (frame.type === 'hello') {
      const from = frame.from ?? 0;
      if (this.start === null) this.start = from;
      else if (from !== this.position) throw new Error(`${this.name} asked for ${this.position} and got ${from}`);
      this.position = from;
    } else if (frame.type === 'commit') {
      const { instanceId = Number.NaN, values = [] } = frame;
      this.commits.push({ instanceId, values });
      this.position = instanceId + 1;
    } else if (frame.type === 'bookmark') {
      this.position = Math.max(this.position, (frame.instanceId ?? Number.NaN) + 1);
    } else if (frame.type === 'gap') {
      throw new Error(`${this.name} met a gap: ${text}`);
    }
  }

  async #follow(): Promise<void> {
    while (this.isOpen) {
      const from = this.start === null ? (this.options.from ?? 'earliest') : String(this.position);
      const all = this.everything ? '&system=true&all=true' : '';
      await this.once(`from=${from}${all}`);
      if (this.isOpen) await pause(50);
    }
  }
}

export class SocketFollower extends FeedFollower {
  #socket: WebSocket | null = null;

  protected once(query: string): Promise<void> {
    const url = new URL(`/v1/groups/main/feed?${query}`, this.options.url);
    url.protocol = 'ws:';
    const socket = new WebSocket(url, { handshakeTimeout: 5000 });
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.on('message', (data) => {
        try {
          this.take(String(data));
        } catch (error) {
          reject(error);
          socket.terminate();
        }
      });
      // A node that is down or going: the close that follows leads to the next try.
      socket.on('error', () => socket.terminate());
      socket.on('close', () => resolve());
    });
  }

  protected hangUp(): void {
    this.#socket?.terminate();
  }
}

export class StreamFollower extends FeedFollower {
  #controller = new AbortController();

  protected async once(query: string): Promise<void> {
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      const answer = await fetch(`${this.options.url}/v1/groups/main/events?${query}`, { signal });
      if (answer.body === null || !answer.ok) return;
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of answer.body) {
        const events = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) this.#event(event);
      }
    } catch (error) {
      // The connection broke, or was refused; anything else is a finding.
      if (!(error instanceof TypeError) && (error as Error).name !== 'AbortError') throw error;
    }
  }

  protected hangUp(): void {
    this.#controller.abort();
  }

  #event(event: string): void {
    const data = event.split('\n').flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
    if (data.length > 0) this.take(data.join('\n'));
  }
}
