// The group's own time, as this node reckons it between two values: the newest stamp in the log and what has gone by here since
// it was applied, on the monotonic clock. Whoever seals a value stamps it with this, so the stamps in the log never go back,
// follow no wall clock, and stand still while the group is down.
import type { Millis } from '../../core/ids.js';

export class GroupTime {
  readonly #now: () => Millis;
  /** The group's time less this node's clock; null: nothing was applied yet. */
  #ahead: Millis | null = null;

  constructor(now: () => Millis) {
    this.#now = now;
  }

  /** The log has come to this stamp. What was read from the past says nothing of how much time has gone by since. */
  applied(stampMs: Millis): void {
    const ahead = stampMs - this.#now();
    if (this.#ahead === null || ahead > this.#ahead) this.#ahead = ahead;
  }

  /** Whole milliseconds, and never less than before. */
  get timeMs(): Millis {
    return Math.floor(this.#now() + (this.#ahead ?? -this.#now()));
  }
}
