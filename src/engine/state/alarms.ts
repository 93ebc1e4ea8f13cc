// Alarms: a machine that wants something done at a time of the group (an expiry, a lease's end) says so, and the master proposes
// it. Whether it is still due is decided where the command is applied; here it only gets its push, again and again until the
// machine no longer asks. A machine that throws when it is asked has no alarm, and that is said once: its commands do not
// need it.
import type { Millis } from '../../core/ids.js';
import { earliest } from '../../core/replica.js';
import type { Draft, StateMachine } from '../../machines/machine.js';

/** A push that is under way is given so long before the next. */
const PUSH_AGAIN_MS = 250;

export interface AlarmsOptions {
  readonly machines: Iterable<StateMachine>;
  /** The group's time, now. */
  readonly timeMs: () => Millis;
  readonly isMaster: () => boolean;
  /** Dropped when it is not wanted any more before it is sealed. */
  readonly propose: (machine: string, draft: Draft, wanted: () => boolean) => void;
  readonly valueBytesMax: number;
  readonly failed: (machine: string, error: unknown) => void;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #machines: readonly StateMachine[];
  #restUntil: Millis = 0;
  readonly #failed = new Set<StateMachine>();

  constructor(options: AlarmsOptions) {
    this.#options = options;
    this.#machines = [...options.machines].filter((machine) => machine.due !== undefined);
  }

  /** When to look, on the clock that reads `now`; null: nothing is to come, or it is not this node's affair. */
  wakeAt(now: Millis): Millis | null {
    let due: Millis | null = null;
    for (const machine of this.#machines) due = earliest(due, this.#dueAtMs(machine));
    if (due === null || !this.#options.isMaster()) return null;
    return Math.max(this.#restUntil, now + due - this.#options.timeMs());
  }

  tick(now: Millis): void {
    const { isMaster, propose, timeMs } = this.#options;
    if (now < this.#restUntil || !isMaster()) return;
    for (const machine of this.#machines) {
      const isDue = () => (this.#dueAtMs(machine) ?? Number.POSITIVE_INFINITY) <= timeMs();
      const draft = isDue() ? this.#draftOf(machine) : null;
      if (draft === null) continue;
      this.#restUntil = now + PUSH_AGAIN_MS;
      propose(machine.name, draft, isDue);
    }
  }

  /** null also for what is no time. */
  #dueAtMs(machine: StateMachine): Millis | null {
    return this.#ask(machine, () => {
      const { dueAtMs = null } = machine;
      return Number.isFinite(dueAtMs) ? dueAtMs : null;
    });
  }

  #draftOf(machine: StateMachine): Draft | null {
    const { valueBytesMax } = this.#options;
    return this.#ask(machine, () => {
      const draft = machine.due?.();
      if (!(draft?.bytes instanceof Uint8Array)) throw new TypeError('due() answers no draft');
      if (draft.bytes.length > valueBytesMax) throw new RangeError(`due() answers more than ${valueBytesMax} bytes`);
      return draft;
    });
  }

  #ask<T>(machine: StateMachine, question: () => T): T | null {
    try {
      return question();
    } catch (error) {
      if (!this.#failed.has(machine)) this.#options.failed(machine.name, error);
      this.#failed.add(machine);
      return null;
    }
  }
}
