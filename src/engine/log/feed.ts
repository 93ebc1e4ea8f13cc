// The feed: any number of followers over one log, each at its own pace. A follower is a position and nothing else; it
// pulls, so a slow one costs no memory. Each instance once, in order, never split, never skipped; what a filter hides is
// bridged by bookmarks; a position that was trimmed away ends in a gap notice.
import type { InstanceId, Millis } from '../../core/ids.js';
import type { Follower, FollowOptions } from '../face.js';
import type { Clock, Timer } from '../ports.js';
import type { FeedEvent, InstanceView, MasterView, MembersView, ValueView } from '../views.js';

const READ_ENTRIES = 256;
const READ_BYTES = 1024 * 1024;

/** What the feed needs of its group. */
export interface FeedSource {
  readonly applied: InstanceId;
  readonly firstKept: InstanceId;
  readonly checkpointLink: string | null;
  /** Applied instances from `from` on, as shown to people. */
  views(from: InstanceId, limit: number, bytesMax: number): Promise<readonly InstanceView[]>;
  masterView(): MasterView;
  membersView(): MembersView;
}

export class Feed {
  readonly #source: FeedSource;
  readonly #clock: Clock;
  readonly #followers = new Set<LogFollower>();
  readonly #waiting = new Set<() => void>();

  constructor(source: FeedSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  get followers(): number {
    return this.#followers.size;
  }

  follow(options: FollowOptions): Follower {
    const follower = new LogFollower(this, this.#source, options, () => this.#followers.delete(follower));
    this.#followers.add(follower);
    return follower;
  }

  /** More was applied. */
  advanced(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  masterChanged(): void {
    for (const follower of this.#followers) follower.masterChanged = true;
    this.advanced();
  }

  membersChanged(): void {
    for (const follower of this.#followers) follower.membersChanged = true;
    this.advanced();
  }

  /** Resolves at the next change, at the latest after `ms`; `stop` ends the wait early. */
  wait(ms: Millis, onStop: (stop: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | null = null;
      const done = () => {
        timer?.cancel();
        this.#waiting.delete(done);
        resolve();
      };
      timer = this.#clock.after(ms, done);
      this.#waiting.add(done);
      onStop(done);
    });
  }

  /** The same, ended early by a signal. */
  async changed(waitMs: Millis, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    let stop = () => {};
    await this.wait(waitMs, (stopWaiting) => {
      stop = stopWaiting;
      signal?.addEventListener('abort', stop);
    });
    signal?.removeEventListener('abort', stop);
  }

  now(): Millis {
    return this.#clock.now();
  }
}

class LogFollower implements Follower {
  masterChanged = false;
  membersChanged = false;
  readonly from: InstanceId;
  readonly #feed: Feed;
  readonly #source: FeedSource;
  readonly #options: FollowOptions;
  readonly #onClose: () => void;
  #next: InstanceId;
  /** Highest instance this follower knows to be behind it, by a commit or a bookmark. */
  #told: InstanceId;
  #ended = false;
  #stop: (() => void) | null = null;

  constructor(feed: Feed, source: FeedSource, options: FollowOptions, onClose: () => void) {
    this.#feed = feed;
    this.#source = source;
    this.#options = options;
    this.#onClose = onClose;
    const { from } = options;
    this.from = from === 'now' ? source.applied + 1 : from === 'earliest' ? source.firstKept : from;
    this.#next = this.from;
    this.#told = this.from - 1;
  }

  async next(waitMs: Millis): Promise<readonly FeedEvent[]> {
    const until = this.#feed.now() + waitMs;
    while (!this.#ended) {
      const events = await this.#collect();
      if (events.length > 0) return events;
      const left = until - this.#feed.now();
      if (left <= 0) return this.#bookmark();
      // Something may have come while the promise above was settling; nobody would wake this follower for it.
      if (this.#isDue) continue;
      await this.#feed.wait(left, (stop) => {
        this.#stop = stop;
      });
    }
    return [];
  }

  close(): void {
    this.#ended = true;
    this.#onClose();
    this.#stop?.();
  }

  get #isDue(): boolean {
    return this.#next <= this.#source.applied || this.masterChanged || this.membersChanged;
  }

  async #collect(): Promise<FeedEvent[]> {
    const source = this.#source;
    if (this.#next < source.firstKept) {
      const gap: FeedEvent = {
        type: 'gap',
        requested: this.#next,
        firstKept: source.firstKept,
        checkpoint: source.checkpointLink,
      };
      this.close();
      return [gap];
    }
    const events: FeedEvent[] = [];
    if (this.#next <= source.applied) {
      const views = await source.views(this.#next, READ_ENTRIES, READ_BYTES);
      for (const view of views) {
        this.#next = view.instanceId + 1;
        const values = view.values.filter((value) => this.#wants(value));
        if (values.length === 0) continue;
        events.push({ type: 'commit', instanceId: view.instanceId, values });
        this.#told = view.instanceId;
      }
      if (views.length > 0 && this.#told < this.#next - 1) events.push(...this.#bookmark());
    }
    if (this.masterChanged) {
      this.masterChanged = false;
      events.push({ type: 'master', ...source.masterView() });
    }
    if (this.membersChanged) {
      this.membersChanged = false;
      events.push({ type: 'members', ...source.membersView() });
    }
    return events;
  }

  #wants(value: ValueView): boolean {
    const { machines, system, all } = this.#options;
    if (value.applied === false && all !== true) return false;
    if (value.machine.startsWith('$')) return system === true;
    return machines === undefined || machines.includes(value.machine);
  }

  /**
   * "Nothing of yours up to here": also for a follower that waits beyond the end, who would otherwise resume before its
   * start. Nothing to say before instance 0.
   */
  #bookmark(): FeedEvent[] {
    const instanceId = this.#next - 1;
    this.#told = instanceId;
    return instanceId < 0 ? [] : [{ type: 'bookmark', instanceId }];
  }
}
