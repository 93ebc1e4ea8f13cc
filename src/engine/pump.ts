// The pump: one loop for all groups. A turn takes everything that has arrived, steps the replicas, lets the groups propose
// what waits, ships the messages in one frame per peer and starts one flush for all groups. Stepping goes on while the
// flush is in flight; a second flush never starts beside the first, so batches form by themselves under load. What may
// leave only when durable waits here for the flush that makes it so.
import { type Diverged, type Effects, type Entry, noEffects, type Serve, type Settled } from '../core/effects.js';
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import type { Envelope, Message } from '../core/message.js';
import type { Input, Replica } from '../core/replica.js';
import type { Value } from '../core/value.js';
import type { GroupWrites, LogStore, StoreWrite } from './log-store.js';
import { Outbox } from './outbox.js';
import { type HostMessage, isHostMessage, type PeerMessage } from './peer-messages.js';
import type { Clock, PeerHello, Timer, Transport } from './ports.js';

/** A group as the pump drives it. */
export interface Pumped {
  readonly name: GroupId;
  /** null while the group is not loaded. */
  readonly replica: Replica | null;
  /** Sends what belongs elsewhere; returns a value to propose here, or null. Called when something has happened. */
  dispatch(now: Millis): Value | null;
  chosen(entries: readonly Entry[], now: Millis): void;
  settled(settled: Settled): void;
  serve(serve: Serve): void;
  diverged(report: Diverged): void;
  heard(from: NodeId, message: Message): void;
  hostMessage(from: PeerHello, message: HostMessage, now: Millis): void;
  /** Other nodes have callers that wait for what is proposed here. */
  readonly othersWait: boolean;
  /** Time the group itself wants a look (lease, deadlines); null: none. */
  readonly wakeAt: Millis | null;
  tick(now: Millis): void;
  /** Everything below `open` that was written before is on disk. */
  durable(open: InstanceId): void;
}

export interface PumpEvents {
  /** A flush failed: outcome unknown. The pump has dropped what waited on it and takes no input until `resume`. */
  storeFailed(error: unknown): void;
  /** A broken invariant: stop the node. */
  fatal(error: unknown): void;
}

interface Arrival {
  readonly from: PeerHello;
  readonly group: GroupId;
  readonly message: PeerMessage;
}

interface Held {
  readonly group: GroupId;
  readonly envelope: Envelope;
}

/** What one flush carries and what waits for it. */
interface Batch {
  readonly writes: Map<GroupId, StoreWrite[]>;
  readonly held: Held[];
  readonly waiting: Waiting[];
}

interface Waiting {
  durable(): void;
  failed(error: unknown): void;
}

const newBatch = (): Batch => ({ writes: new Map(), held: [], waiting: [] });

export class Pump {
  readonly #self: PeerHello;
  readonly #store: LogStore;
  readonly outbox: Outbox;
  readonly #clock: Clock;
  readonly #events: PumpEvents;
  readonly #groups = new Map<GroupId, Pumped>();
  readonly #touched = new Set<Pumped>();
  #arrivals: Arrival[] = [];
  #gathering = newBatch();
  #flushing: Batch | null = null;
  #scheduled = false;
  #running = false;
  #stopped = false;
  /** Counts store failures: the end of a flush of an earlier life is nobody's business. */
  #life = 0;
  #timer: Timer | null = null;
  #timerAt: Millis = Number.POSITIVE_INFINITY;
  flushes = 0;
  turns = 0;

  constructor(self: PeerHello, store: LogStore, transport: Transport, clock: Clock, events: PumpEvents) {
    this.#self = self;
    this.#store = store;
    this.outbox = new Outbox(transport);
    this.#clock = clock;
    this.#events = events;
  }

  add(group: Pumped): void {
    this.#groups.set(group.name, group);
    this.touch(group);
  }

  /** From the transport. Ignored while the store is down: a node that cannot write has nothing to say. */
  received(from: PeerHello, group: GroupId, message: PeerMessage): void {
    this.#arrivals.push({ from, group, message });
    this.schedule();
  }

  /** An input of the host's own making, for one group. */
  input(group: Pumped, input: Input): void {
    if (group.replica === null) return;
    this.#guard(() => this.#step(group, input, this.#clock.now()));
    this.touch(group);
  }

  /** The group wants to be looked at in the next turn. */
  touch(group: Pumped): void {
    this.#touched.add(group);
    this.schedule();
  }

  /** A variable to be written with the next flush. */
  write(group: GroupId, write: StoreWrite): void {
    this.#writesOf(group).push(write);
    this.schedule();
  }

  /** As `write`; resolves when it is on disk, rejects when the store failed first. */
  writeDurably(group: GroupId, write: StoreWrite): Promise<void> {
    return new Promise((durable, failed) => {
      this.write(group, write);
      this.#gathering.waiting.push({ durable, failed });
    });
  }

  /** After storeFailed: the store is open again and the groups are loaded. */
  resume(): void {
    this.#running = true;
    for (const group of this.#groups.values()) this.touch(group);
  }

  pause(): void {
    this.#running = false;
    this.#life++;
    const lost = new Error('the store failed before this was on disk');
    for (const batch of [this.#flushing, this.#gathering]) for (const { failed } of batch?.waiting ?? []) failed(lost);
    this.#flushing = null;
    this.#gathering = newBatch();
    this.#arrivals = [];
  }

  stop(): void {
    this.#stopped = true;
    this.pause();
    this.#timer?.cancel();
  }

  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#clock.defer(() => {
      this.#scheduled = false;
      this.#guard(() => this.#turn());
    });
  }

  #turn(): void {
    if (this.#stopped) return;
    const now = this.#clock.now();
    if (!this.#running) {
      // Nothing is heard, said or written; deadlines run all the same.
      this.#arrivals = [];
      for (const group of this.#groups.values()) if (isDue(group.wakeAt, now)) group.tick(now);
      this.#arm(now);
      return;
    }
    this.turns++;
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    for (const arrival of arrivals) this.#deliver(arrival, now);
    for (const group of this.#groups.values()) {
      if (this.#stopped) return;
      if (isDue(group.replica?.wakeAt, now)) this.#step(group, { type: 'tick' }, now);
      if (isDue(group.wakeAt, now)) {
        group.tick(now);
        this.#touched.add(group);
      }
    }
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const group of touched) {
      if (this.#stopped) return;
      const value = group.dispatch(now);
      if (value !== null) this.#step(group, { type: 'propose', value }, now);
    }
    if (this.#stopped) return;
    this.outbox.flush(now);
    this.#flush();
    this.#arm(now);
  }

  #deliver({ from, group: name, message }: Arrival, now: Millis): void {
    const group = this.#groups.get(name);
    if (group === undefined || this.#stopped) return;
    if (isHostMessage(message)) {
      group.hostMessage(from, message, now);
      this.#touched.add(group);
      return;
    }
    group.heard(from.id, message);
    this.#step(group, { type: 'deliver', from: from.id, store: from.store, message }, now);
  }

  #step(group: Pumped, input: Input, now: Millis): void {
    const { replica } = group;
    // Stopped in the midst of a turn: an input from inside it has broken an invariant. The process may live on.
    if (replica === null || this.#stopped) return;
    const out = noEffects();
    const { othersWait } = group;
    replica.step(input, now, out);
    this.#ship(group, out, now, othersWait);
    if (out.chosen.length > 0) group.chosen(out.chosen, now);
    for (const settled of out.settled) group.settled(settled);
    for (const serve of out.serve) group.serve(serve);
    if (out.diverged !== null) group.diverged(out.diverged);
    this.#touched.add(group);
  }

  #ship(group: Pumped, out: Effects, now: Millis, othersWait: boolean): void {
    const { name } = group;
    if (out.writes.length > 0) this.#writesOf(name).push(...out.writes);
    for (const { to, message } of out.now) {
      if (message.type !== 'chosen' || othersWait) this.outbox.send(to, name, message);
      else this.outbox.sendPatiently(to, name, message, now);
    }
    if (out.after.length === 0) return;
    const batch = this.#lastWriting(name);
    for (const envelope of out.after) {
      if (batch === null) this.#release({ group: name, envelope });
      else batch.held.push({ group: name, envelope });
    }
  }

  /** The newest batch not yet on disk that holds writes of this group. */
  #lastWriting(group: GroupId): Batch | null {
    if (this.#gathering.writes.has(group)) return this.#gathering;
    if (this.#flushing?.writes.has(group)) return this.#flushing;
    return null;
  }

  #release({ group, envelope }: Held): void {
    // A message to myself comes back as an input: there is no other way to vote for oneself.
    if (envelope.to === this.#self.id) this.received(this.#self, group, envelope.message);
    else this.outbox.send(envelope.to, group, envelope.message);
  }

  #writesOf(group: GroupId): StoreWrite[] {
    let writes = this.#gathering.writes.get(group);
    if (writes === undefined) {
      writes = [];
      this.#gathering.writes.set(group, writes);
    }
    return writes;
  }

  #flush(): void {
    if (this.#flushing !== null || this.#gathering.writes.size === 0) return;
    const batch = this.#gathering;
    this.#gathering = newBatch();
    this.#flushing = batch;
    this.flushes++;
    const life = this.#life;
    const writes: GroupWrites[] = [];
    const opens: [Pumped, InstanceId][] = [];
    for (const [group, list] of batch.writes) {
      writes.push({ group, writes: list });
      const pumped = this.#groups.get(group);
      if (pumped?.replica != null) opens.push([pumped, pumped.replica.open]);
    }
    this.#store.commit(writes).then(
      () => {
        if (life === this.#life) this.#guard(() => this.#flushed(batch, opens));
      },
      (error: unknown) => {
        if (life !== this.#life || this.#stopped) return;
        this.pause();
        this.schedule();
        this.#events.storeFailed(error);
      },
    );
  }

  #flushed(batch: Batch, opens: readonly [Pumped, InstanceId][]): void {
    this.#flushing = null;
    for (const [group, open] of opens) group.durable(open);
    for (const { durable } of batch.waiting) durable();
    for (const held of batch.held) this.#release(held);
    // What the flush set free goes out now; waiting for the end of the loop's turn would only add latency.
    this.#turn();
  }

  #arm(now: Millis): void {
    let at = this.#running ? (this.outbox.wakeAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    for (const group of this.#groups.values()) {
      const replicaAt = this.#running ? group.replica?.wakeAt : null;
      at = Math.min(at, replicaAt ?? at, group.wakeAt ?? at);
    }
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(Math.max(0, at - now), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#timer = null;
      this.#guard(() => this.#turn());
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.stop();
      const broken = error instanceof InvariantBroken || !(error instanceof Error);
      this.#events.fatal(broken ? error : new InvariantBroken('no-surprises', error.stack ?? error.message));
    }
  }
}

function isDue(at: Millis | null | undefined, now: Millis): boolean {
  return at != null && now >= at;
}
