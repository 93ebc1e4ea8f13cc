// One node of the lease race (lease-race.ts): the production LeaseKeeper and MasterMachine of a process that starts, stops,
// stands still and dies, on a clock of its own whose speed is wrong. The glue between the two is what consequences.ts does
// when a `$master` command is applied. What it proposes waits in `lane`, as in the committer, until the race takes it.
import type { InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import { LeaseKeeper, type LeaseView } from '../engine/lease/lease-keeper.js';
import { MASTER } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import { type MasterCommand, MasterMachine } from '../machines/master-machine.js';

/** The commands of one instance. */
export type LogValue = readonly Command[];

interface Order {
  readonly command: Command;
  readonly wanted: () => boolean;
}

export function masterCommand(order: MasterCommand, origin: string, sequence: number): Command {
  const bytes = Buffer.from(JSON.stringify(order));
  return { id: { origin, sequence }, machine: MASTER, encoding: 'json', bytes, key: null, ifMaster: null };
}

export class Racer {
  readonly id: NodeId;
  readonly rank: number;
  /** The next instance it applies. */
  next: InstanceId = 0;
  /** True times of what happens to it next. */
  timerAt = Number.POSITIVE_INFINITY;
  applyAt = Number.POSITIVE_INFINITY;
  /** Until then the process stands still, or is down. */
  stoppedUntil = 0;
  /** Until then it hears nothing, or nothing it says is heard. */
  deafUntil = 0;
  mutedUntil = 0;
  /** A value of this life is on its way. */
  isProposing = false;
  life = 0;
  readonly #random: Random;
  readonly #ownLeaseMs: Millis;
  #keeper: LeaseKeeper | null = null;
  #machine = new MasterMachine();
  #agreedMs: Millis | null = null;
  #lane: Order[] = [];
  #speed: number;
  #trueBase = 0;
  #localBase = 0;

  constructor(id: NodeId, rank: number, ownLeaseMs: Millis, speed: number, random: Random) {
    this.id = id;
    this.rank = rank;
    this.#ownLeaseMs = ownLeaseMs;
    this.#speed = speed;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.#keeper !== null;
  }

  /** A new process, with the log up to `upTo`. */
  start(now: number, log: readonly LogValue[], upTo: InstanceId): void {
    const origin = `${this.id}~${++this.life}`;
    this.#trueBase = now;
    // Every process counts from another zero: a stamp of another one can only be right by accident.
    this.#localBase = this.#random.between(0, 1e7);
    this.#machine = new MasterMachine();
    this.#agreedMs = null;
    let sequence = 0;
    const keeper = new LeaseKeeper(
      {
        self: this.id,
        origin,
        leaseMs: () => this.#machine.leaseMs ?? this.#ownLeaseMs,
        random: () => this.#random.next(),
        propose: (order, wanted) => {
          this.#lane.push({ command: masterCommand(order, origin, sequence++), wanted });
        },
      },
      this.#local(now),
    );
    this.#keeper = keeper;
    for (this.next = 0; this.next < upTo; ) this.apply(now, log);
    keeper.started(this.#machine.state, this.#local(now), this.rank);
  }

  /** Forgets all but the log. */
  die(): void {
    this.#keeper = null;
    this.#lane = [];
    this.isProposing = false;
  }

  apply(now: number, log: readonly LogValue[]): void {
    const instance = this.next++;
    for (const [index, command] of (log[instance] ?? []).entries()) {
      this.#machine.apply(command, { instance, index, timeMs: 0 });
    }
    const { state, leaseMs } = this.#machine;
    if (state?.renewal === instance) this.#keeper?.applied(state, this.#local(now), this.rank);
    if (leaseMs === this.#agreedMs) return;
    this.#agreedMs = leaseMs;
    this.#keeper?.leaseSet(this.#local(now));
  }

  tick(now: number, eligible: boolean): void {
    this.#keeper?.tick(this.#local(now), eligible, this.rank);
  }

  resign(now: number, version: InstanceId, heir: NodeId | null): void {
    this.#keeper?.resign(version, heir, this.#local(now));
  }

  release(now: number): void {
    this.#keeper?.release(this.#local(now));
  }

  view(now: number): LeaseView | null {
    return this.#keeper === null ? null : this.#keeper.view(this.#local(now));
  }

  /** All that waits and is wanted still, as one value; null: nothing. */
  seal(): LogValue | null {
    if (this.#lane.length === 0) return null;
    const wanted = this.#lane.filter((order) => order.wanted());
    this.#lane = [];
    return wanted.length === 0 ? null : wanted.map(({ command }) => command);
  }

  /** Changes its speed from this true time on. */
  drift(now: number, speed: number): void {
    this.#localBase = this.#local(now);
    this.#trueBase = now;
    this.#speed = speed;
  }

  /** The true time at which its clock shows what the keeper waits for. */
  get wakeAt(): number {
    const at = this.#keeper?.wakeAt ?? null;
    return at === null ? Number.POSITIVE_INFINITY : this.#trueBase + (at - this.#localBase) / this.#speed;
  }

  #local(now: number): Millis {
    return this.#localBase + (now - this.#trueBase) * this.#speed;
  }
}
