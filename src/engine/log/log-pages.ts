// The log as people read it: single instances, pages with a long poll, and the stretches the feed is made of.
import type { Entry } from '../../core/effects.js';
import type { InstanceId, Millis } from '../../core/ids.js';
import { InvariantBroken } from '../../core/invariant.js';
import type { MachineRouter } from '../../machines/router.js';
import { PaxmeshError, storeUnavailable } from '../errors.js';
import type { InstancePage, InstanceView } from '../views.js';
import { viewInstance } from './instance-view.js';
import type { RecentLog } from './recent-log.js';

const PAGE_BYTES = 8 * 1024 * 1024;

/** Waits for the next change, at most `ms`; `onStop` is handed the way to end the wait early. */
export type Wait = (ms: Millis, onStop: (stop: () => void) => void) => Promise<void>;

export class LogPages {
  readonly #log: RecentLog;
  readonly #router: MachineRouter;
  readonly #wait: Wait;
  readonly #now: () => Millis;
  readonly #checkpoint: () => string | null;
  readonly #views = new WeakMap<Entry, InstanceView>();

  /** `checkpoint`: where one reads of what was trimmed; null: nowhere. */
  constructor(log: RecentLog, router: MachineRouter, now: () => Millis, wait: Wait, checkpoint: () => string | null) {
    this.#log = log;
    this.#router = router;
    this.#now = now;
    this.#wait = wait;
    this.#checkpoint = checkpoint;
  }

  /** Throws instance-not-chosen, instance-trimmed. */
  async one(id: InstanceId): Promise<InstanceView> {
    const [entry] = await this.#read(id, 1, 1);
    this.#checkKept(id);
    if (entry === undefined) throw new PaxmeshError('instance-not-chosen', `instance ${id} is not chosen yet`);
    return this.#view(entry);
  }

  /** Throws instance-trimmed. */
  async page(from: InstanceId, limit: number, waitMs: Millis, signal?: AbortSignal): Promise<InstancePage> {
    const until = this.#now() + waitMs;
    while (this.#log.lastChosen < from && this.#now() < until && signal?.aborted !== true) {
      await this.#wait(until - this.#now(), (stop) => signal?.addEventListener('abort', stop, { once: true }));
    }
    const entries = await this.#read(from, limit, PAGE_BYTES);
    this.#checkKept(from);
    const { firstKept, lastChosen } = this.#log;
    const end = entries.at(-1)?.instance ?? lastChosen;
    return { items: entries.map((entry) => this.#view(entry)), next: end + 1, firstKept, lastChosen };
  }

  /** Applied instances from `from` on, which is kept and applied. */
  async applied(from: InstanceId, limit: number, bytesMax: number): Promise<readonly InstanceView[]> {
    const entries = await this.#read(from, Math.min(limit, this.#router.applied - from + 1), bytesMax);
    return entries.map((entry) => this.#view(entry));
  }

  /** The store may be away for a while; what is in memory is read all the same. */
  async #read(from: InstanceId, limit: number, bytesMax: number): Promise<readonly Entry[]> {
    try {
      return await this.#log.read(from, limit, bytesMax);
    } catch (error) {
      throw error instanceof InvariantBroken ? error : storeUnavailable(error);
    }
  }

  #checkKept(id: InstanceId): void {
    const { firstKept } = this.#log;
    if (id >= firstKept) return;
    const facts = { firstKept, checkpoint: this.#checkpoint() };
    throw new PaxmeshError('instance-trimmed', `instances below ${firstKept} are no longer kept`, { facts });
  }

  #view(entry: Entry): InstanceView {
    let view = this.#views.get(entry);
    if (view === undefined) {
      view = viewInstance(entry, (instance, index) => this.#router.notApplied(instance, index));
      // Until it is applied nobody knows which of its values will be.
      if (entry.instance <= this.#router.applied) this.#views.set(entry, view);
    }
    return view;
  }
}
