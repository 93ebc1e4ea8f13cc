// The committer: from a caller's commands to a value, and from an applied entry back to the caller. First come, first
// served, with a bound on everything and a deadline on everybody. What waits is sealed into one value at the end of a
// turn, or handed to the master as one batch. Every command is executed at most once however often it is proposed (the
// at-most-once table is replicated), so what was outbid, lost on a link or caught in a store failure is proposed again
// until its deadline. A caller is told "none" only when its commands never left this queue. What was handed over and is not
// back yet is counted in forwards.ts.
import type { Settled } from '../../core/effects.js';
import type { Millis } from '../../core/ids.js';
import type { Value } from '../../core/value.js';
import { packBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import { PaxmeshError } from '../errors.js';
import type { AppliedEntry } from '../log/applier.js';
import { Fifo } from './fifo.js';
import { Forwards } from './forwards.js';
import { newUnit, type Placed, type Unit } from './unit.js';

/** Bounds of what may wait, in units (calls) and bytes; beyond: 503 overloaded. */
export const UNITS_MAX = 20_000;
export const WAITING_BYTES_MAX = 128 * 1024 * 1024;
/** A sealed value stops growing here; a single larger unit still goes alone. */
export const SEAL_BYTES_MAX = 1024 * 1024;
export const SEAL_COMMANDS_MAX = 10_000;
/** Callers that were just answered usually call again: from so many on, a value waits for them, at most so long. */
const COHORT_MIN = 8;
const COHORT_MS = 2;

export interface Submission {
  readonly commands: readonly Command[];
  readonly deadline: Millis;
  readonly local: boolean;
  readonly settle: ((settlement: readonly Placed[] | PaxmeshError) => void) | null;
}

export class Committer {
  /** What was handed to other nodes. */
  readonly forwards: Forwards;
  readonly #origin: string;
  #system: Unit[] = [];
  readonly #queue = new Fifo<Unit>();
  #units = 0;
  #bytes = 0;
  /** Own units by their first command's sequence. */
  readonly #waiting = new Map<number, Unit>();
  readonly #remote = new Set<Unit>();
  /** Units that are to be proposed here and nowhere else, wherever they are. */
  #locals = 0;
  /** How many callers were answered last, when, and how many waited then. */
  #cohort = { answered: 0, until: 0, expected: 0 };
  #inFlight: { readonly id: string; readonly units: Unit[] } | null = null;
  #sequence = 0;
  #values = 0;

  /** `origin` is unique for this start of this node. `firstForward`: see Forwards. */
  constructor(origin: string, firstForward: number) {
    this.#origin = origin;
    this.forwards = new Forwards(
      {
        take: () => this.#forwardable(),
        giveBack: (units) => this.#return(units),
        settle: (unit, settlement) => this.#settle(unit, settlement),
      },
      firstForward,
    );
  }

  get load(): { queued: number; queuedBytes: number; waiting: number; inFlight: boolean } {
    return {
      queued: this.#queue.length,
      queuedBytes: this.#bytes,
      waiting: this.#waiting.size,
      inFlight: this.#inFlight !== null,
    };
  }

  /** Nothing is under way for any caller. */
  get idle(): boolean {
    return this.#units === 0;
  }

  get hasWork(): boolean {
    return this.#system.length > 0 || this.#queue.length > 0;
  }

  /** Commands that other nodes took are under way here. */
  get hasRemote(): boolean {
    return this.#remote.size > 0;
  }

  /** Deadlines and forwards want a look now and then while anything waits. */
  get needsSweep(): boolean {
    return this.#units > 0;
  }

  nextSequence(): number {
    return this.#sequence++;
  }

  nextValueId(): string {
    return `${this.#origin}/${this.#values++}`;
  }

  /** Throws overloaded. The caller made the commands with nextSequence(), ascending. */
  submit(submission: Submission): void {
    const { commands, deadline, local, settle } = submission;
    const unit = newUnit(commands, deadline, local, settle);
    this.#admit(unit.bytes);
    const first = commands[0];
    if (first !== undefined) this.#waiting.set(first.id.sequence, unit);
    this.#enter(unit);
  }

  /** Commands another node took. Throws overloaded. They are proposed here and nowhere else. */
  submitRemote(commands: readonly Command[], deadline: Millis): void {
    const unit = newUnit(commands, deadline, true, null);
    this.#admit(unit.bytes);
    this.#remote.add(unit);
    this.#enter(unit);
  }

  /** A system command: no bound, no caller, ahead of everything. Dropped when no longer wanted. */
  submitSystem(command: Command, wanted: () => boolean): void {
    // Nothing piles up here while nothing can be sealed.
    this.#system = this.#system.filter((unit) => unit.wanted?.() ?? true);
    this.#system.push(newUnit([command], Number.POSITIVE_INFINITY, true, null, wanted));
  }

  /**
   * Until when sealing is worth waiting for the callers that were just answered; null: it is not. Without this, under load,
   * two halves of the callers take turns and every value, with its flushes and frames, serves one half.
   */
  gatherUntil(now: Millis): Millis | null {
    const { answered, until, expected } = this.#cohort;
    if (answered < COHORT_MIN || now >= until || this.#queue.length >= expected || this.#system.length > 0) return null;
    return until;
  }

  /**
   * Seals what waits into one value, at the group's time `timeMs`; null when there is nothing. `onlyLocal`: the rest waits for
   * another route.
   */
  seal(onlyLocal: boolean, timeMs: Millis): Value | null {
    const units = this.#system.filter((unit) => unit.wanted?.() ?? true);
    this.#system = [];
    // The queue may be long, and nothing in it may be meant for this node.
    if (!onlyLocal || this.#locals > 0) this.#take(units, onlyLocal);
    if (units.length === 0) return null;
    for (const unit of units) unit.sends++;
    const id = this.nextValueId();
    this.#inFlight = { id, units };
    return {
      id,
      bytes: packBatch(
        units.flatMap((unit) => unit.commands),
        timeMs,
      ),
    };
  }

  settled(settled: Settled): void {
    const flight = this.#inFlight;
    if (flight === null || flight.id !== settled.id) return;
    this.#inFlight = null;
    // Chosen units are settled when they are applied.
    if (settled.type === 'chosen') for (const unit of flight.units) this.#leaveRemote(unit);
    else this.#return(flight.units);
  }

  /** The replica is gone with what it had in flight; nobody knows how that ends. */
  interrupted(): void {
    const flight = this.#inFlight;
    this.#inFlight = null;
    if (flight !== null) this.#return(flight.units);
  }

  /** An entry was applied here: callers whose commands it holds get their answers. */
  applied({ entry, commands, outcomes }: AppliedEntry, now: Millis): void {
    const before = this.#waiting.size;
    this.forwards.applied(now);
    for (let index = 0; index < commands.length; index++) {
      const command = commands[index];
      if (command === undefined || command.id.origin !== this.#origin) continue;
      const unit = this.#waiting.get(command.id.sequence);
      if (unit === undefined || unit.commands[0]?.id.sequence !== command.id.sequence) continue;
      const placed = unit.commands.map((_, offset): Placed => {
        const outcome = outcomes[index + offset];
        if (outcome === undefined) throw new RangeError(`instance ${entry.instance} splits a unit`);
        return { instance: entry.instance, index: index + offset, outcome };
      });
      this.#settle(unit, placed);
      index += unit.commands.length - 1;
    }
    const answered = before - this.#waiting.size;
    this.#cohort = { answered, until: now + COHORT_MS, expected: answered + this.#queue.length };
  }

  /** Deadlines and impatience. `unproposed` words why a unit never left: its outcome is none. */
  sweep(now: Millis, unproposed: () => PaxmeshError): void {
    for (const unit of this.#waiting.values()) {
      if (now < unit.deadline) continue;
      const late = () => new PaxmeshError('proposal-timeout', 'not committed within the time limit; it may still be');
      this.#settle(unit, unit.sends === 0 ? unproposed() : late());
    }
    for (const unit of this.#remote) if (now >= unit.deadline) this.#leaveRemote(unit);
    // Nobody takes from the queue while there is no quorum: what has given up must not pile up there.
    if (this.#queue.length > this.#units) this.#queue.prune((unit) => !unit.done);
    this.forwards.sweep(now);
  }

  /** Ends every wait with the same error, worded by whether the commands ever left. */
  abandon(error: (everSent: boolean) => PaxmeshError): void {
    for (const unit of this.#waiting.values()) this.#settle(unit, error(unit.sends > 0));
    for (const unit of this.#remote) this.#leaveRemote(unit);
  }

  #admit(bytes: number): void {
    if (this.#units < UNITS_MAX && this.#bytes + bytes <= WAITING_BYTES_MAX) return;
    throw new PaxmeshError('overloaded', 'too many proposals are waiting', { retryAfterMs: 1000 });
  }

  #enter(unit: Unit): void {
    if (unit.local) this.#locals++;
    this.#units++;
    this.#bytes += unit.bytes;
    this.#queue.push(unit);
  }

  /** Moves waiting units into `units`, first come first served, up to the seal's bounds. */
  #take(units: Unit[], onlyLocal: boolean, onlyForwardable = false): void {
    let bytes = 0;
    let commands = 0;
    const passed: Unit[] = [];
    for (;;) {
      const unit = this.#next();
      if (unit === null) break;
      if ((onlyLocal && !unit.local) || (onlyForwardable && unit.local)) {
        passed.push(unit);
        continue;
      }
      const first = commands === 0;
      if (!first && (bytes + unit.bytes > SEAL_BYTES_MAX || commands + unit.commands.length > SEAL_COMMANDS_MAX)) {
        passed.push(unit);
        break;
      }
      bytes += unit.bytes;
      commands += unit.commands.length;
      units.push(unit);
    }
    if (passed.length > 0) this.#queue.putBack(passed);
  }

  #forwardable(): Unit[] {
    const units: Unit[] = [];
    this.#take(units, false, true);
    return units;
  }

  #next(): Unit | null {
    for (;;) {
      const unit = this.#queue.shift();
      if (unit === undefined) return null;
      if (!unit.done) return unit;
    }
  }

  #return(units: readonly Unit[]): void {
    const alive = units.filter((unit) => !unit.done);
    for (const unit of alive) this.forwards.cameBack(unit);
    this.#system = alive.filter((unit) => unit.wanted !== null).concat(this.#system);
    const user = alive.filter((unit) => unit.wanted === null);
    if (user.length > 0) this.#queue.putBack(user);
  }

  #settle(unit: Unit, settlement: readonly Placed[] | PaxmeshError): void {
    if (unit.done) return;
    const first = unit.commands[0];
    if (first !== undefined) this.#waiting.delete(first.id.sequence);
    this.#forget(unit);
    unit.settle?.(settlement);
  }

  #leaveRemote(unit: Unit): void {
    if (this.#remote.delete(unit)) this.#forget(unit);
  }

  #forget(unit: Unit): void {
    this.forwards.cameBack(unit);
    if (unit.local) this.#locals--;
    unit.done = true;
    unit.commands = [];
    this.#units--;
    this.#bytes -= unit.bytes;
  }
}
