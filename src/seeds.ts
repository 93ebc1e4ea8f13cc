// Asks the seeds: a node that no membership names links with whoever runs under the addresses it was given, so that it is
// known and taught before it is added, and after it was added by somebody it has never met. Ends when every group names
// this node. It proves nothing: who is there says so without a token, and the mesh's handshake proves it.
import { get as getHttp, type RequestOptions } from 'node:http';
import { get as getHttps } from 'node:https';
import type { PeerAddress } from './engine/ports.js';

const ANSWER_MS = 2000;
const WAIT_MS = 250;
const WAIT_MS_MAX = 5000;
const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

export interface SeedsOptions {
  readonly seeds: readonly string[];
  readonly self: string;
  /** PEM, for seeds with certificates of an authority of their own. */
  readonly ca: string | null;
  /** Every group has a membership that names this node. */
  readonly isNamed: () => boolean;
  /** Keeps a link with somebody; the answer ends that. */
  readonly invite: (guest: PeerAddress) => () => void;
  readonly found: (seed: string, id: string) => void;
  /** Told when the reason changes, not at every try. */
  readonly failed: (seed: string, reason: string) => void;
  /** Between the first two rounds; then doubled each time. */
  readonly waitMs?: number;
}

interface Guest {
  readonly id: string;
  readonly dismiss: () => void;
}

export class Seeds {
  readonly #options: SeedsOptions;
  readonly #guests = new Map<string, Guest>();
  readonly #reasons = new Map<string, string>();
  #waitMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: SeedsOptions) {
    this.#options = options;
    this.#waitMs = options.waitMs ?? WAIT_MS;
  }

  start(): void {
    void this.#round();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { dismiss } of this.#guests.values()) dismiss();
    this.#guests.clear();
  }

  async #round(): Promise<void> {
    const { seeds, isNamed } = this.#options;
    if (isNamed()) return this.close();
    await Promise.all(seeds.map((seed) => this.#ask(seed)));
    if (this.#isOver) return;
    this.#timer = setTimeout(() => void this.#round(), this.#waitMs);
    this.#timer.unref();
    this.#waitMs = Math.min(this.#waitMs * 2, WAIT_MS_MAX);
  }

  /** Whoever answered keeps its link while it is away: it will be the same when it is back, or the mesh finds out. */
  async #ask(seed: string): Promise<void> {
    const { self, ca, invite, found, failed } = this.#options;
    let id: string;
    try {
      id = await nodeAt(seed, ca);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code ?? message;
      if (!this.#isOver && this.#reasons.get(seed) !== reason) failed(seed, reason);
      this.#reasons.set(seed, reason);
      return;
    }
    this.#reasons.delete(seed);
    const known = this.#guests.get(seed);
    if (this.#isOver || id === self || known?.id === id) return;
    known?.dismiss();
    this.#guests.set(seed, { id, dismiss: invite({ id, url: seed }) });
    found(seed, id);
  }
}

/** The id of the node that answers there. */
function nodeAt(seed: string, ca: string | null): Promise<string> {
  const options: RequestOptions & { ca?: string } = { agent: false, timeout: ANSWER_MS };
  if (ca !== null) options.ca = ca;
  const get = seed.startsWith('https:') ? getHttps : getHttp;
  return new Promise((resolve, reject) => {
    const request = get(new URL('/mesh', seed), options, (answer) => {
      answer.resume();
      const id = answer.headers['paxmesh-node'];
      if (typeof id === 'string' && ID.test(id)) resolve(id);
      else reject(new Error('what answers there is no node of Paxmesh'));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
  });
}
