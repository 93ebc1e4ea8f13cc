// The check of one group's log at load: is every record there that must be, and is each the one last written?
// Fed with the records in ascending order, it says which are to be dropped and what that may hide. It judges records;
// it reads none, and it keeps no values.
//
// A medium that loses or garbles single rows in silence is found out by three means:
//  - the group's row says which instances exist and what the newest record sums to;
//  - every record carries the sum of the record before it (its link), so that an older version of a record is noticed;
//  - a record whose own checksum fails is never read as anything.
// Below the newest instance everything is closed: what is missing there can be learned again. At the newest instance a
// vote may be gone, and that is said with `hidesVote`.
import type { InstanceId } from '../core/ids.js';
import type { Damage } from '../engine/log-store.js';

/** What a record with a good checksum says of itself. `link` null: it was not written right after its predecessor. */
export interface SeenRecord {
  readonly crc: number;
  readonly link: number | null;
  /** The number of the flush that wrote it. */
  readonly flush: number;
}

/** What the group's row says of its log. `lastCrc` null: the medium keeps no such sum (memory). */
export interface ExpectedLog {
  readonly first: InstanceId;
  readonly last: InstanceId;
  readonly lastCrc: number | null;
}

/**
 * Was `after` written after another version of its predecessor than `before`? Then `before` is an older one, which the
 * medium has brought back.
 */
export function isOutdated(before: SeenRecord, after: SeenRecord): boolean {
  if (after.link === null) return false;
  // Learned again after its successor was written: the successor's link means the record that was replaced.
  const replacedLater = before.flush > after.flush || (before.flush === after.flush && before.link === null);
  return !replacedLater && before.crc !== after.link;
}

interface Run {
  readonly from: InstanceId;
  to: InstanceId;
  readonly why: string;
}

export class LogCheck {
  readonly damage: Damage[] = [];
  /** Instances that stand on the medium but must not be read. */
  readonly dropped = new Set<InstanceId>();
  /** The newest record that may be read; null: none. */
  lastGood: InstanceId | null = null;
  readonly #expected: ExpectedLog | null;
  #next: InstanceId | null;
  #before: { instance: InstanceId; seen: SeenRecord } | null = null;
  #run: Run | null = null;

  /** `expected` null: the group has no readable row, so nothing is known but the records themselves. */
  constructor(expected: ExpectedLog | null) {
    this.#expected = expected;
    this.#next = expected?.first ?? null;
  }

  /** `seen` null: the checksum fails. */
  see(instance: InstanceId, seen: SeenRecord | null): void {
    const expected = this.#expected;
    if (expected !== null && instance < expected.first) return;
    if (expected !== null && instance > expected.last) {
      this.#drop(instance, 'is newer than its group knows of', true);
      return;
    }
    if (this.#next !== null && instance > this.#next) this.#gap(this.#next, instance - 1);
    this.#next = instance + 1;
    const isLast = expected !== null && instance === expected.last;
    if (seen === null) {
      this.#drop(instance, 'fails its checksum', isLast);
      return;
    }
    if (isLast && expected.lastCrc !== null && seen.crc !== expected.lastCrc) {
      this.#drop(instance, 'is an older version of the newest record', true);
      return;
    }
    this.#checkLink(instance, seen);
    this.lastGood = instance;
    this.#before = { instance, seen };
  }

  finish(): void {
    const expected = this.#expected;
    if (expected !== null && this.#next !== null && this.#next <= expected.last) this.#gap(this.#next, expected.last);
    this.#closeRun();
  }

  #checkLink(instance: InstanceId, seen: SeenRecord): void {
    const before = this.#before;
    if (before === null || before.instance !== instance - 1 || !isOutdated(before.seen, seen)) return;
    this.#drop(before.instance, 'is an older version than its successor was written after', false);
  }

  #gap(from: InstanceId, to: InstanceId): void {
    const expected = this.#expected;
    const hidesLast = expected !== null && to >= expected.last;
    const closedTo = hidesLast ? expected.last - 1 : to;
    if (from <= closedTo) this.#extend(from, closedTo, 'missing');
    if (hidesLast) {
      this.#closeRun();
      this.damage.push({ instance: expected.last, hidesVote: true, detail: 'the newest record is missing' });
    }
  }

  #drop(instance: InstanceId, why: string, hidesVote: boolean): void {
    this.dropped.add(instance);
    if (hidesVote) {
      this.#closeRun();
      this.damage.push({ instance, hidesVote, detail: `the record ${why}` });
    } else {
      this.#extend(instance, instance, why);
    }
  }

  #extend(from: InstanceId, to: InstanceId, why: string): void {
    if (this.#run !== null && this.#run.why === why && this.#run.to === from - 1) {
      this.#run.to = to;
      return;
    }
    this.#closeRun();
    this.#run = { from, to, why };
  }

  #closeRun(): void {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    const what = run.from === run.to ? `instance ${run.from}` : `instances ${run.from} to ${run.to}`;
    this.damage.push({ instance: run.from, through: run.to, hidesVote: false, detail: `${what}: ${run.why}` });
  }
}
