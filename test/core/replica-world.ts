// Several replicas in one place, with a disk each and the post between them. Deterministic: letters arrive in the order
// they were sent unless the test picks one, time passes only when the test says so, and there are no timers. All that
// happens is written down as lines to be read. The world itself refuses to go on when two replicas close an instance with
// different values, or when a disk's promise would go down.
import assert from 'node:assert/strict';
import { type Ballot, compareBallots, formatBallot, NO_BALLOT } from '../../src/core/ballot.js';
import { CHAIN_START } from '../../src/core/chain.js';
import {
  type Effects,
  type Entry,
  noEffects,
  type RecordWrite,
  type Settled,
  type Write,
} from '../../src/core/effects.js';
import type { InstanceId, Millis, NodeId } from '../../src/core/ids.js';
import type { Membership } from '../../src/core/membership.js';
import type { Envelope, Message } from '../../src/core/message.js';
import { type Input, Replica, type ReplicaHost } from '../../src/core/replica.js';
import { chain, describeMessage, describeWrite, value, votersNamed } from './samples.js';

export interface Letter {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

export interface Seat {
  readonly id: NodeId;
  /** On disk. */
  promised: Ballot;
  readonly records: Map<InstanceId, RecordWrite>;
  /** null while the process is down. */
  replica: Replica | null;
  /** What waits for the disk, and what waits for that. */
  unsaved: Write[];
  held: Envelope[];
  log: Entry[];
  readonly settled: Settled[];
}

export class ReplicaWorld {
  now: Millis = 0;
  readonly lines: string[] = [];
  /** Under way, oldest first. */
  readonly mail: Letter[] = [];
  /** Every letter that was ever sent between two replicas, lost ones too. */
  readonly sent: Letter[] = [];
  /** Everything that ever reached a disk. */
  readonly saved: { readonly by: NodeId; readonly write: Write }[] = [];
  /** These disks save when `save` is called, the others at once. */
  readonly slowDisks = new Set<NodeId>();
  readonly #seats = new Map<NodeId, Seat>();
  readonly #cut = new Set<NodeId>();
  readonly #membership: Membership;
  readonly #host: ReplicaHost;
  readonly #chosen = new Map<InstanceId, string>();
  #seed: number;

  constructor(membership: Membership = votersNamed('a', 'b', 'c'), host: Partial<ReplicaHost> = {}, seed = 1) {
    this.#membership = membership;
    this.#host = { chain, membershipAfter: (before) => before, ...host };
    this.#seed = seed;
    for (const { id } of membership.members) {
      this.#seats.set(id, {
        id,
        promised: NO_BALLOT,
        records: new Map(),
        replica: null,
        unsaved: [],
        held: [],
        log: [],
        settled: [],
      });
      this.#load(this.seat(id));
    }
  }

  get seats(): readonly Seat[] {
    return [...this.#seats.values()];
  }

  seat(id: NodeId): Seat {
    const seat = this.#seats.get(id);
    if (seat === undefined) throw new Error(`nobody sits at ${id}`);
    return seat;
  }

  /** The values a replica has closed, in order. */
  log(id: NodeId): string[] {
    return this.seat(id).log.map((entry) => entry.value.id);
  }

  /** The lines since the last call. */
  transcript(): string[] {
    return this.lines.splice(0);
  }

  // ------------------------------------------------------------------------------------ what may happen

  propose(id: NodeId, name: string): void {
    this.#say(`${id} proposes ${name}`);
    this.step(id, { type: 'propose', value: value(name) });
  }

  /** Delivers a letter that is under way. */
  deliver(place = 0): void {
    const [letter] = place < 0 ? [] : this.mail.splice(place, 1);
    if (letter === undefined) throw new Error(`no letter at ${place}`);
    const { from, to, message } = letter;
    this.#say(`${from} > ${to}  ${describeMessage(message)}`);
    this.step(to, { type: 'deliver', from, store: from, message });
  }

  /** Delivers the oldest letter of this kind before its turn. */
  hand(from: NodeId, to: NodeId, type: Message['type']): void {
    this.deliver(this.mail.findIndex((each) => each.from === from && each.to === to && each.message.type === type));
  }

  /** Delivers everything, in order, and what comes of it. */
  run(): void {
    for (let letters = 0; this.mail.length > 0; letters++) {
      if (letters === 10_000) throw new Error('the talk does not end');
      this.deliver();
    }
  }

  /** Time passes until this replica wants a look. */
  wake(id: NodeId): void {
    const at = this.seat(id).replica?.wakeAt;
    if (at == null) throw new Error(`${id} waits for nothing`);
    this.now = Math.max(this.now, at);
    this.#say(`${id} wakes`);
    this.step(id, { type: 'tick' });
  }

  save(id: NodeId): void {
    const seat = this.seat(id);
    for (const write of seat.unsaved.splice(0)) {
      if (write.type === 'promise') {
        assert.ok(compareBallots(write.ballot, seat.promised) > 0, `the promise of ${id} goes down`);
        seat.promised = write.ballot;
      } else seat.records.set(write.instance, write);
      this.saved.push({ by: id, write });
      this.#say(`${id} saves ${describeWrite(write)}`);
    }
    for (const envelope of seat.held.splice(0)) this.#post(id, envelope);
  }

  /** What is sent to this node and by it is lost from now on. */
  cutOff(id: NodeId): void {
    this.#cut.add(id);
    this.#say(`${id} is cut off`);
  }

  reconnect(id: NodeId): void {
    this.#cut.delete(id);
    this.#say(`${id} is back`);
    for (const other of this.seats) {
      if (other.id === id || other.replica === null || this.#cut.has(other.id)) continue;
      this.step(id, { type: 'connected', peer: other.id });
      this.step(other.id, { type: 'connected', peer: id });
    }
  }

  /** What was not saved is gone, and so is what was on its way here. */
  crash(id: NodeId): void {
    const seat = this.seat(id);
    this.#say(`${id} crashes`);
    seat.replica = null;
    seat.unsaved = [];
    seat.held = [];
    for (let place = this.mail.length - 1; place >= 0; place--) {
      if (this.mail[place]?.to === id) this.mail.splice(place, 1);
    }
  }

  restart(id: NodeId): void {
    this.#load(this.seat(id));
    this.#say(`${id} starts, promised ${formatBallot(this.seat(id).promised)}`);
    if (!this.#cut.has(id)) this.reconnect(id);
  }

  step(id: NodeId, input: Input): void {
    const seat = this.seat(id);
    if (seat.replica === null) return;
    const out = noEffects();
    seat.replica.step(input, this.now, out);
    this.#act(seat, out);
  }

  // ------------------------------------------------------------------------------------ inside

  #act(seat: Seat, out: Effects): void {
    for (const envelope of out.now) this.#post(seat.id, envelope);
    seat.unsaved.push(...out.writes);
    seat.held.push(...out.after);
    for (const entry of out.chosen) {
      const { instance, value: chosen } = entry;
      this.#say(`${seat.id} closes ${instance}: ${chosen.id}`);
      const known = this.#chosen.get(instance) ?? chosen.id;
      assert.equal(chosen.id, known, `two values at instance ${instance}`);
      this.#chosen.set(instance, known);
      seat.log.push(entry);
    }
    for (const settled of out.settled) {
      this.#say(`${seat.id} tells who proposed ${settled.id}: ${settled.type}`);
      seat.settled.push(settled);
    }
    if (!this.slowDisks.has(seat.id)) this.save(seat.id);
    for (const { to, from } of out.serve) {
      const entries = seat.log.slice(from);
      this.#post(seat.id, { to, message: { type: 'teach', open: seat.log.length, entries } });
    }
    if (out.diverged !== null) this.#say(`${seat.id} stops: its log is not that of ${out.diverged.peer}`);
  }

  #post(from: NodeId, { to, message }: Envelope): void {
    const letter = { from, to, message };
    if (from !== to) this.sent.push(letter);
    const lost = from !== to && (this.#cut.has(from) || this.#cut.has(to) || this.seat(to).replica === null);
    if (lost) this.#say(`${from} > ${to}  ${describeMessage(message)} … lost`);
    else this.mail.push(letter);
  }

  /** From what the disk holds. */
  #load(seat: Seat): void {
    const records = [...seat.records.values()].sort((one, other) => one.instance - other.instance);
    const last = records.at(-1);
    const vote = last === undefined || last.chosen ? null : last;
    const closed = vote === null ? records : records.slice(0, -1);
    let membership = this.#membership;
    for (const each of closed) membership = this.#host.membershipAfter(membership, each.instance, each.value);
    seat.log = closed.map((each) => ({ ...each, chain: each.checksum }));
    seat.replica = new Replica(
      {
        self: seat.id,
        store: seat.id,
        open: closed.length,
        chain: closed.at(-1)?.checksum ?? CHAIN_START,
        promised: seat.promised,
        vote: vote && { ballot: vote.ballot, value: vote.value, chain: vote.checksum },
        membership,
        votesFrom: 0,
        mayFound: true,
        seed: this.#seed++,
      },
      this.#host,
      this.now,
    );
  }

  #say(line: string): void {
    this.lines.push(line);
  }
}
