// A replica with the least that a host must bring: a disk that takes its time, messages held until what they tell is on
// it, and a timer. A crash forgets everything but the disk. It keeps the contract of effects.ts and nothing more.
import { type Ballot, compareBallots, NO_BALLOT } from '../core/ballot.js';
import { CHAIN_START } from '../core/chain.js';
import { type Entry, noEffects, type RecordWrite, type Write } from '../core/effects.js';
import type { InstanceId, NodeId, StoreId } from '../core/ids.js';
import { TEACH_ENTRIES_MAX } from '../core/limits.js';
import type { Membership } from '../core/membership.js';
import type { Envelope, Message } from '../core/message.js';
import type { Random } from '../core/random.js';
import { type Input, Replica } from '../core/replica.js';
import type { Value } from '../core/value.js';
import { chainOf } from '../engine/log/checksum.js';
import type { MembershipRule } from './checkers/electorates.js';
import type { DiskView } from './checkers/group-witness.js';
import type { SimEvent, VirtualTime } from './virtual-time.js';

export interface CoreHooks {
  readonly send: (to: NodeId, message: Message) => void;
  /** Before the disk takes a write. */
  readonly writes: (write: Write) => void;
  readonly closes: (entry: Entry) => void;
  readonly saveMs: () => number;
  readonly crashesInSave: () => boolean;
  readonly crashed: () => void;
  readonly failed: (error: unknown) => void;
}

class CoreDisk implements DiskView {
  readonly identity: StoreId;
  readonly records: RecordWrite[] = [];
  promised: Ballot = NO_BALLOT;

  constructor(identity: StoreId) {
    this.identity = identity;
  }

  readonly checkpoint = -1;

  holds(instance: InstanceId): boolean {
    return this.record(instance) !== undefined;
  }

  isIntact(): boolean {
    return true;
  }

  record(instance: InstanceId): RecordWrite | undefined {
    return this.records[instance];
  }

  apply(write: Write): void {
    if (write.type === 'record') this.records[write.instance] = write;
    else if (compareBallots(write.ballot, this.promised) > 0) this.promised = write.ballot;
  }
}

interface Batch {
  readonly writes: Write[];
  readonly held: Envelope[];
}

export class CoreNode {
  readonly id: NodeId;
  readonly disk: CoreDisk;
  replica: Replica | null = null;
  readonly #founding: Membership;
  readonly #rule: MembershipRule;
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #hooks: CoreHooks;
  #log: Entry[] = [];
  #gathering: Batch = { writes: [], held: [] };
  #flushing = false;
  #life = 0;
  #values = 0;
  #own: Value | null = null;
  #outbid: Uint8Array | null = null;
  #timer: SimEvent | null = null;

  constructor(
    id: NodeId,
    founding: Membership,
    rule: MembershipRule,
    random: Random,
    time: VirtualTime,
    hooks: CoreHooks,
  ) {
    this.id = id;
    this.disk = new CoreDisk(`store-of-${id}`);
    this.#founding = founding;
    this.#rule = rule;
    this.#random = random;
    this.#time = time;
    this.#hooks = hooks;
  }

  start(): void {
    const { records, promised, identity } = this.disk;
    const last = records.at(-1);
    const open = last === undefined ? 0 : last.chosen ? last.instance + 1 : last.instance;
    const vote = last === undefined || last.chosen ? null : last;
    let membership = this.#founding;
    let chain = CHAIN_START;
    this.#log = [];
    for (const { instance, value, ballot } of records.slice(0, open)) {
      membership = this.#rule(membership, instance, value);
      chain = chainOf(chain, instance, value);
      this.#log.push({ instance, value, ballot, chain });
    }
    this.replica = new Replica(
      {
        self: this.id,
        store: identity,
        open,
        chain,
        promised,
        vote: vote && { ballot: vote.ballot, value: vote.value, chain: vote.checksum },
        membership,
        votesFrom: 0,
        mayFound: true,
        seed: this.#random.below(2 ** 32),
      },
      { chain: chainOf, membershipAfter: this.#rule },
      this.#time.now,
    );
    this.#arm();
  }

  crash(): void {
    this.replica = null;
    this.#life++;
    this.#gathering = { writes: [], held: [] };
    this.#flushing = false;
    this.#own = null;
    this.#outbid = null;
  }

  connected(peer: NodeId): void {
    this.#step({ type: 'connected', peer });
  }

  receive(from: NodeId, store: StoreId, message: Message): void {
    this.#step({ type: 'deliver', from, store, message });
  }

  propose(bytes: Uint8Array): void {
    this.#own = { id: `${this.id}~${this.#life}/${this.#values++}`, bytes };
    this.#step({ type: 'propose', value: this.#own });
  }

  /** The bytes of the newest value that another one was chosen for; null: none, or taken already. */
  takeOutbid(): Uint8Array | null {
    const bytes = this.#outbid;
    this.#outbid = null;
    return bytes;
  }

  #step(input: Input): void {
    const { replica } = this;
    if (replica === null) return;
    const out = noEffects();
    try {
      replica.step(input, this.#time.now, out);
    } catch (error) {
      this.#hooks.failed(error);
      return;
    }
    this.#gathering.writes.push(...out.writes);
    this.#gathering.held.push(...out.after);
    for (const { to, message } of out.now) this.#hooks.send(to, message);
    for (const entry of out.chosen) {
      this.#log.push(entry);
      this.#hooks.closes(entry);
    }
    for (const { type, id } of out.settled) {
      if (type === 'outbid' && id === this.#own?.id) this.#outbid = this.#own.bytes;
    }
    for (const { to, from } of out.serve) {
      const entries = this.#log.slice(from, from + TEACH_ENTRIES_MAX);
      this.#hooks.send(to, { type: 'teach', open: this.#log.length, entries });
    }
    if (out.diverged !== null) this.#hooks.failed(new Error(`${this.id} has diverged at ${out.diverged.instance}`));
    this.#flush();
    this.#arm();
  }

  #flush(): void {
    if (this.#flushing || this.#gathering.writes.length + this.#gathering.held.length === 0) return;
    const { writes, held } = this.#gathering;
    this.#gathering = { writes: [], held: [] };
    this.#flushing = true;
    const life = this.#life;
    const crashesBefore = writes.length > 0 && this.#hooks.crashesInSave();
    const crashesAfter = writes.length > 0 && this.#hooks.crashesInSave();
    this.#time.after(writes.length === 0 ? 0 : this.#hooks.saveMs(), () => {
      if (life !== this.#life) return;
      if (crashesBefore) return this.#hooks.crashed();
      for (const write of writes) {
        this.#hooks.writes(write);
        this.disk.apply(write);
      }
      if (crashesAfter) return this.#hooks.crashed();
      this.#flushing = false;
      for (const { to, message } of held) {
        if (to === this.id) this.receive(this.id, this.disk.identity, message);
        else this.#hooks.send(to, message);
      }
      this.#flush();
    });
  }

  #arm(): void {
    const at = this.replica?.wakeAt ?? null;
    if (this.#timer !== null) this.#timer.run = null;
    this.#timer = at === null ? null : this.#time.at(at, () => this.#step({ type: 'tick' }));
  }
}
