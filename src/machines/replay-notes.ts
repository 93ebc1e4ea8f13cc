// What the log alone does not tell somebody who applies it again to a single machine: the time each instance had, and which
// commands never came to their machine (said before, outdated, or under a condition that did not hold). Taken down while the
// router applies, for the instances since some checkpoint; the notes of one process, no part of the replicated state.
import type { InstanceId, Millis } from '../core/ids.js';

export class ReplayNotes {
  #since: InstanceId = -1;
  /** Of the instances after #since. */
  #timesMs: Millis[] = [];
  readonly #withheld = new Map<InstanceId, Set<number>>();

  /** The instances after this one are noted, without a gap. */
  get since(): InstanceId {
    return this.#since;
  }

  /** Another state was put in place, as it is after this instance: nothing before leads to it. */
  beginAfter(instance: InstanceId): void {
    this.#since = instance;
    this.#timesMs = [];
    this.#withheld.clear();
  }

  /** The command at this place was answered without its machine. */
  withhold(instance: InstanceId, index: number): void {
    const indexes = this.#withheld.get(instance) ?? new Set<number>();
    indexes.add(index);
    this.#withheld.set(instance, indexes);
  }

  /** All of the instance was applied, at this time of the group's. */
  applied(instance: InstanceId, timeMs: Millis): void {
    // A state that was put in place as of the end of this instance has all of it.
    if (instance > this.#since) this.#timesMs.push(timeMs);
  }

  /** undefined: not noted. */
  timeMsOf(instance: InstanceId): Millis | undefined {
    return this.#timesMs[instance - this.#since - 1];
  }

  wasWithheld(instance: InstanceId, index: number): boolean {
    return this.#withheld.get(instance)?.has(index) ?? false;
  }

  forgetThrough(instance: InstanceId): void {
    if (instance <= this.#since) return;
    this.#timesMs = this.#timesMs.slice(instance - this.#since);
    this.#since = instance;
    for (const noted of this.#withheld.keys()) {
      if (noted > instance) break;
      this.#withheld.delete(noted);
    }
  }
}
