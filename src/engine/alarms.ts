// Alarms: a machine that wants something done at a time of the group (an expiry, a lease's end) says so, and the master proposes
// it. Whether it is still due is decided where the command is applied; here it only gets its push, again and again until the
// machine no longer asks.
import type { Millis } from '../core/ids.js';
import { earliest } from '../core/replica.js';
import type { Draft, StateMachine } from '../machines/machine.js';

/** A push that is under way is given so long before the next. */
const PUSH_AGAIN_MS = 250;

export interface AlarmsOptions {
  readonly machines: Iterable<StateMachine>;
  /** The group's time, now. */
  readonly timeMs: () => Millis;
  readonly isMaster: () => boolean;
  /** Dropped when it is not wanted any more before it is sealed. */
  readonly propose: (machine: string, draft: Draft, wanted: () => boolean) => void;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #machines: readonly StateMachine[];
  #restUntil: Millis = 0;

  constructor(options: AlarmsOptions) {
    this.#options = options;
    this.#machines = [...options.machines].filter((machine) => machine.due !== undefined);
  }

  /** When to look, on the clock that reads `now`; null: nothing is to come, or it is not this node's affair. */
  wakeAt(now: Millis): Millis | null {
    let due: Millis | null = null;
    for (const { dueAtMs } of this.#machines) due = earliest(due, dueAtMs ?? null);
    if (due === null || !this.#options.isMaster()) return null;
    return Math.max(this.#restUntil, now + due - this.#options.timeMs());
  }

  tick(now: Millis): void {
    const { isMaster, propose, timeMs } = this.#options;
    if (now < this.#restUntil || !isMaster()) return;
    for (const machine of this.#machines) {
      const draft = isDue(machine, timeMs()) ? machine.due?.() : undefined;
      if (draft === undefined) continue;
      this.#restUntil = now + PUSH_AGAIN_MS;
      propose(machine.name, draft, () => isDue(machine, timeMs()));
    }
  }
}

function isDue({ dueAtMs }: StateMachine, timeMs: Millis): boolean {
  return dueAtMs != null && dueAtMs <= timeMs;
}
