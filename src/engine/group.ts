// A group on this node, as the pump drives it: the replica with everything around it that turns commands into values and
// chosen entries into answers. Its life (load, suspend, drain, close) and its part in the protocol stand here; what the
// edge asks is answered at its desk. It owns no socket, disk or timer; those are the pump's and the ports'.
import { CHAIN_START } from '../core/chain.js';
import type { Diverged, Entry, Serve, Settled } from '../core/effects.js';
import type { GroupId, InstanceId, Millis, NodeId, StoreId } from '../core/ids.js';
import type { Member, Membership } from '../core/membership.js';
import type { Message } from '../core/message.js';
import { earliest, Replica } from '../core/replica.js';
import type { Value } from '../core/value.js';
import { MASTER, MEMBERSHIP, packBatch } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import type { Draft, StateMachine } from '../machines/machine.js';
import { membershipAfter } from '../machines/membership-machine.js';
import { MachineRouter } from '../machines/router.js';
import { Alarms } from './alarms.js';
import { type AppliedEntry, Applier } from './applier.js';
import { chainOf } from './checksum.js';
import { Committer } from './committer.js';
import { PaxmeshError } from './errors.js';
import { Forwarder } from './forwarder.js';
import { Founding } from './founding.js';
import { GroupDesk } from './group-desk.js';
import { RECOVERED_VARIABLE } from './group-recovery.js';
import { GroupTime } from './group-time.js';
import { LeaseKeeper } from './lease-keeper.js';
import type {
  Clock,
  HostMessage,
  LogStore,
  PeerAddress,
  PeerHello,
  PeerMessage,
  Position,
  Trace,
  TraceNote,
  Transport,
} from './ports.js';
import type { Pump, Pumped } from './pump.js';
import { RecentLog } from './recent-log.js';
import { decidingAt, recover } from './recovery.js';
import { Roster } from './roster.js';
import { type Outage, Standing } from './standing.js';
import { type Dissent, StateWatch } from './state-watch.js';
import { Steward } from './steward.js';
import { Teacher } from './teacher.js';
import { Vault } from './vault.js';

/** The variable that says: this store has passed the amnesia guard. */
const FOUNDER = 'founder';
const SWEEP_MS = 20;
/** How often others are told how far this node is, while that changes. */
const TELL_MS = 1000;

export interface GroupOptions {
  readonly name: GroupId;
  readonly self: NodeId;
  /** Unique for this start of this node. */
  readonly origin: string;
  readonly storeId: StoreId;
  /** The configured members; used only while the group has no membership of its own. */
  readonly founding: Membership;
  readonly leaseMs: Millis;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  readonly machines: readonly StateMachine[];
  readonly store: LogStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly pump: Pump;
  readonly trace: Trace;
  /** The membership changed: the node sees to the links. */
  readonly membersChanged: () => void;
  /** Keeps a link with a node that is not a member yet; the answer ends that. */
  readonly invite: (guest: PeerAddress) => () => void;
  readonly fatal: (error: unknown) => void;
}

export class Group implements Pumped {
  readonly name: GroupId;
  readonly desk: GroupDesk;
  readonly #options: GroupOptions;
  readonly #router: MachineRouter;
  readonly #committer: Committer;
  readonly #forwarder: Forwarder;
  readonly #lease: LeaseKeeper;
  readonly #log: RecentLog;
  readonly #applier: Applier;
  readonly #teacher: Teacher;
  readonly #roster: Roster;
  readonly #founding: Founding;
  readonly #standing: Standing;
  readonly #steward: Steward;
  readonly #vault: Vault;
  readonly #time: GroupTime;
  readonly #alarms: Alarms;
  readonly #watch: StateWatch;
  /** The log was read once since this process began. */
  #isReplayed = false;
  #replica: Replica | null = null;
  #sweepAt: Millis | null = null;
  #storedGid: string | null = null;
  #tellAt: Millis | null = null;
  /** Sealing waits until then for more. */
  #gatherUntil: Millis | null = null;
  /** The master that followers of the feed were told of; null also when its lease has run out. */
  #masterTold: NodeId | null = null;
  /** Log or state here are not what the others have: no store that comes back makes them right. null: they are. */
  #verdict: Outage | null = null;
  /** The lease the group has agreed on, as last applied. */
  #leaseMs: Millis | null = null;

  constructor(options: GroupOptions) {
    const { name, self, origin, store, transport, clock, leaseMs } = options;
    const random = () => clock.random();
    const send = (to: NodeId, message: PeerMessage) => this.#say(to, message);
    const replica = () => this.#replica;
    this.#options = options;
    this.name = name;
    this.#router = new MachineRouter(options.founding, options.machines);
    this.#roster = new Roster(self, options.storeId, options.founding, transport);
    // Answers to a former life of this node are never taken for answers to this one.
    const firstNumber = Math.floor(clock.random() * 2 ** 52);
    this.#committer = new Committer(origin, firstNumber);
    this.#log = new RecentLog(store, name);
    const propose = (order: unknown, wanted: () => boolean) => this.#proposeSystem(MASTER, order, wanted);
    const leaseMsAgreed = () => this.#router.master.leaseMs ?? leaseMs;
    this.#lease = new LeaseKeeper({ self, origin, leaseMs: leaseMsAgreed, random, propose }, clock.now());
    this.#forwarder = new Forwarder({
      self,
      committer: this.#committer,
      router: this.#router,
      send,
      isConnected: (node) => transport.isConnected(node),
      trace: (note) => this.#trace(note),
    });
    this.#applier = new Applier(this.#router, this.#log, clock, {
      applied: (applied) => this.#onApplied(applied),
      halted: (reason) => {
        this.#trace({ name: reason === null ? 'resumed' : 'halted', level: 'error', facts: { reason } });
      },
      fatal: options.fatal,
    });
    this.#time = new GroupTime(() => clock.now());
    this.#watch = new StateWatch(self);
    this.#vault = new Vault({
      group: name,
      store,
      clock,
      router: this.#router,
      applier: this.#applier,
      log: this.#log,
      open: () => this.#replica?.open ?? null,
      isSound: () => this.#verdict === null,
      send,
      write: (write) => options.pump.writeDurably(name, write),
      input: (input) => options.pump.input(this, input),
      installed: () => this.#installed(),
      trace: (note) => this.#trace(note),
      fatal: options.fatal,
    });
    const offer = (to: NodeId) => this.#offer(to);
    this.#teacher = new Teacher(this.#log, send, offer, (error) => {
      this.#trace({ name: 'teach-failed', level: 'warn', facts: { reason: String(error) } });
    });
    this.#founding = new Founding(
      {
        roster: this.#roster,
        random,
        send,
        isEmpty: () => this.#isEmpty(),
        confirmed: () => {
          this.#write(FOUNDER, { version: -1 });
          options.pump.input(this, { type: 'may-found' });
        },
      },
      clock.now(),
    );
    const rooms = {
      roster: this.#roster,
      founding: this.#founding,
      applier: this.#applier,
      committer: this.#committer,
      router: this.#router,
      log: this.#log,
      lease: this.#lease,
      vault: this.#vault,
      replica,
    };
    this.#standing = new Standing({ group: name, ...rooms });
    const arrived = () => options.pump.touch(this);
    const compareWith = (peer: NodeId) => options.pump.input(this, { type: 'connected', peer });
    const ofReads = { firstRound: firstNumber, compareWith, timeMs: () => this.#time.timeMs };
    this.desk = new GroupDesk({ ...options, ...rooms, ...ofReads, standing: this.#standing, arrived, say: send });
    this.#steward = new Steward({
      roster: this.#roster,
      isMaster: () => this.desk.masterView().self,
      lastChosen: () => this.#log.lastChosen,
      propose: (change, wanted) => this.#proposeSystem(MEMBERSHIP, change, wanted),
      resign: (heir) => {
        const { version } = this.desk.masterView();
        if (version !== null) this.#lease.resign(version, heir, clock.now());
      },
    });
    this.#alarms = new Alarms({
      machines: this.#router.machines,
      timeMs: () => this.#time.timeMs,
      isMaster: () => this.desk.masterView().self,
      propose: (machine, draft, wanted) => {
        this.#committer.submitSystem(this.#systemCommand(machine, draft), wanted);
        options.pump.touch(this);
      },
      valueBytesMax: options.valueBytesMax,
      failed: (machine, error) =>
        this.#trace({ name: 'alarm-failed', level: 'error', facts: { machine, reason: String(error) } }),
    });
  }

  // ------------------------------------------------------------------------------------------ life

  /** Reads the group from the open store and takes part from then on. Also after a store failure. */
  async load(): Promise<void> {
    const { store, storeId, self, clock, name } = this.#options;
    const base = await this.#vault.load(await store.variables(name));
    const stored = await store.load(name, base === null ? 0 : base.instance + 1);
    for (const { instance, detail } of stored.damage) {
      this.#trace({ name: 'damage', level: 'error', facts: { instance, detail } });
    }
    const { open, keptFrom, vote, votesFrom, lostVote } = recover(stored, base);
    this.#roster.lostVote = lostVote;
    this.#storedGid = gidOf(stored.variables.get('membership'));
    this.#teacher.teachesFrom = versionOf(stored.variables.get(RECOVERED_VARIABLE)) + 1;
    this.#founding.loaded(stored.promised.round > 0 || stored.variables.has(FOUNDER));
    if (!this.#isReplayed) await this.#replay(keptFrom, open);
    const isAfterBase = base !== null && open === base.instance + 1;
    const before = isAfterBase || open === 0 ? [] : await store.read(name, open - 1, 1, 1);
    const known = Math.min(open, this.#router.applied + 1);
    const membership = await decidingAt(open, known, this.#roster.deciding(known), store, name);
    this.#replica = new Replica(
      {
        self,
        store: storeId,
        open,
        chain: isAfterBase ? base.chain : (before[0]?.checksum ?? CHAIN_START),
        promised: stored.promised,
        vote,
        membership,
        votesFrom,
        mayFound: this.#founding.mayFound,
        seed: Math.floor(clock.random() * 2 ** 32),
      },
      { chain: chainOf, membershipAfter },
      clock.now(),
    );
    this.#standing.outage = this.#verdict;
  }

  /** The store failed: what the replica held in memory is not to be trusted any more. */
  suspend(code: 'store-unavailable' | 'fenced' | 'halted', detail: string): void {
    this.#replica = null;
    this.#standing.outage = { code, detail };
    this.#vault.suspend();
    this.#committer.interrupted();
    this.desk.reads.suspended(new PaxmeshError(code, detail));
    if (code !== 'store-unavailable') this.#committer.abandon((sent) => abandoned(code, detail, sent));
  }

  connected(peer: PeerHello): void {
    this.#roster.connected(peer);
    this.reconnected(peer.id);
  }

  /** The link to a peer stands, or this group is there again and the link has stood all the time. */
  reconnected(peer: NodeId): void {
    this.#founding.connected(peer);
    this.desk.reads.connected(peer);
    this.#options.pump.input(this, { type: 'connected', peer });
  }

  disconnected(peer: NodeId): void {
    this.#committer.disconnected(peer);
    this.#options.pump.touch(this);
  }

  /** Takes no new proposals; resolves when those under way are answered and the lease is given back, or at the time. */
  async drain(withinMs: Millis): Promise<void> {
    this.#standing.draining = true;
    const { clock, pump } = this.#options;
    const until = clock.now() + withinMs;
    while (!this.#committer.idle && clock.now() < until) await this.#pause(10);
    // Whoever still waits is told so while there is a connection to tell it on.
    this.#committer.abandon((sent) => abandoned('draining', 'this node is shutting down', sent));
    if (!this.#lease.release(clock.now())) return;
    pump.touch(this);
    while (this.#lease.isGivingBack(clock.now()) && clock.now() < until && this.#roster.hasQuorum()) {
      await this.#pause(10);
    }
  }

  close(): void {
    this.#standing.draining = true;
    this.#committer.abandon((sent) => abandoned('draining', 'this node is shutting down', sent));
    this.desk.reads.close();
    this.#applier.close();
    this.#vault.close();
    this.#replica = null;
  }

  /** Every member this group knows of, for the links. */
  get members(): readonly Member[] {
    return this.#roster.current.members;
  }

  /** Also before the log says so again: after a restart the instance that founded the group may still be open. */
  get gid(): string | null {
    return this.#roster.current.gid ?? this.#storedGid;
  }

  // ------------------------------------------------------------------------------------------ Pumped

  get replica(): Replica | null {
    return this.#replica;
  }

  dispatch(now: Millis): Value | null {
    this.#gatherUntil = null;
    const replica = this.#replica;
    if (replica === null || !this.#committer.hasWork) return null;
    if (replica.membership.gid === null) return this.#foundingValue(replica, now);
    const target = this.#forwarder.target(replica, this.#lease.state?.node ?? null, now);
    if (target !== null) this.#forwarder.forwardTo(target, now, !replica.isLevel);
    if (!replica.wantsValue || !this.#roster.hasQuorum(replica.membership)) return null;
    this.#gatherUntil = target === null ? this.#committer.gatherUntil(now) : null;
    return this.#gatherUntil === null ? this.#committer.seal(target !== null, this.#time.timeMs) : null;
  }

  chosen(entries: readonly Entry[]): void {
    for (const entry of entries) if (this.#log.push(entry)) this.#applier.offer(entry);
    this.#tellAt ??= this.#options.clock.now() + TELL_MS;
    this.desk.feed.advanced();
  }

  settled(settled: Settled): void {
    this.#committer.settled(settled);
  }

  serve({ to, from }: Serve): void {
    this.#teacher.serve(to, from);
  }

  diverged({ instance, peer, mine, theirs }: Diverged): void {
    const sums = `checksum ${mine.toString(16)} here, ${theirs.toString(16)} at ${peer}`;
    const detail = `the logs have diverged before instance ${instance}: ${sums}`;
    this.#verdict = { code: 'halted', detail };
    this.#standing.outage = this.#verdict;
    this.#committer.interrupted();
    this.desk.reads.suspended(new PaxmeshError('halted', detail));
    this.#trace({ name: 'diverged', level: 'error', facts: { instance, peer, mine, theirs } });
  }

  heard(from: NodeId, message: Message): void {
    this.#roster.heard(from, message);
  }

  hostMessage(from: PeerHello, message: HostMessage, now: Millis): void {
    switch (message.type) {
      case 'forward':
        this.#forwarder.received(from.id, message, this.#replica, this.#standing.refusal(), now);
        return;
      case 'forward-refused':
        this.#committer.refused(message, now);
        return;
      case 'forward-settled':
        this.#forwarder.settledElsewhere(message);
        return;
      case 'empty':
        // The group stands: whoever still has nothing was cut off when it was founded, and may know of nobody to ask.
        if (this.gid !== null) this.serve({ to: from.id, from: 0 });
        else this.#founding.received(from.id, message);
        return;
      case 'position':
        this.#positionOf(from, message);
        return;
      case 'resign':
        this.#lease.resign(message.version, message.heir, now);
        return;
      case 'checkpoint':
      case 'block-ask':
      case 'block':
        this.#vault.received(from.id, message);
        return;
      case 'read-ask':
        this.desk.reads.asked(from.id, message);
        return;
      case 'read-at':
        this.desk.reads.answered(from, message);
        return;
    }
  }

  get othersWait(): boolean {
    return this.#committer.hasRemote;
  }

  get wakeAt(): Millis | null {
    const now = this.#options.clock.now();
    if (this.#committer.needsSweep) this.#sweepAt ??= now + SWEEP_MS;
    const ofChores = earliest(this.#founding.wakeAt(now), this.#steward.wakeAt);
    const ofRooms = earliest(this.#lease.wakeAt, earliest(this.desk.reads.wakeAt, ofChores));
    const ofState = earliest(this.#alarms.wakeAt(now), this.#vault.wakeAt);
    return earliest(earliest(ofRooms, ofState), earliest(this.#sweepAt, earliest(this.#tellAt, this.#gatherUntil)));
  }

  tick(now: Millis): void {
    this.#gatherUntil = null;
    const replica = this.#replica;
    const eligible = replica !== null && replica.mayVote && replica.isLevel && this.#standing.halted === null;
    this.#lease.tick(now, eligible, this.#roster.rank);
    this.#founding.tick(now);
    this.#steward.tick(now);
    this.#alarms.tick(now);
    this.#vault.tick(now);
    this.desk.reads.tick(now);
    if (this.#lease.view(now).node !== this.#masterTold) this.#tellMaster(now);
    if (this.#tellAt !== null && now >= this.#tellAt) this.#tellPosition();
    if (this.#sweepAt === null || now < this.#sweepAt) return;
    this.#sweepAt = null;
    this.#committer.sweep(now, () => this.#standing.unproposed());
    this.#forwarder.forget(now);
  }

  durable(open: InstanceId): void {
    this.#log.durable(open - 1);
  }

  // ------------------------------------------------------------------------------------------ inside

  /** Applies what the log holds beyond the state that the checkpoint gave. */
  async #replay(keptFrom: InstanceId, open: InstanceId): Promise<void> {
    this.#isReplayed = true;
    const { master, membership } = this.#router;
    if (this.#router.applied >= 0) {
      this.#roster.changed(membership.membership);
      this.#time.applied(this.#router.timeMs);
      this.#leaseMs = master.leaseMs;
    }
    this.#log.begin(keptFrom, open);
    await this.#applier.pauseFor(async () => {});
    this.#lease.started(master.state, this.#options.clock.now(), this.#roster.rank);
  }

  /** A checkpoint took the place of the state: everything that is known of it is known anew. */
  #installed(): void {
    this.#membersChanged();
    this.#time.applied(this.#router.timeMs);
    this.#leaseChanged(null);
    this.#leaseSet();
    this.desk.advanced();
  }

  #onApplied(applied: AppliedEntry): void {
    this.#committer.applied(applied, this.#options.clock.now());
    this.#forwarder.applied(applied);
    const { instance } = applied.entry;
    if (this.#router.membership.membership.version === instance) this.#membersChanged();
    this.desk.advanced();
    if (this.#router.master.state?.renewal === instance) this.#leaseChanged(instance);
    this.#leaseSet();
    this.#time.applied(this.#router.timeMs);
    if (this.#watch.isDue(instance)) this.#compareState(instance);
    this.#vault.consider();
  }

  #leaseSet(): void {
    const { leaseMs } = this.#router.master;
    if (leaseMs === this.#leaseMs) return;
    this.#leaseMs = leaseMs;
    this.#lease.leaseSet(this.#options.clock.now());
  }

  /** A machine that cannot sum itself up is not compared. It has done what it was told all the same. */
  #compareState(instance: InstanceId): void {
    let sum: number;
    try {
      sum = this.#router.digest();
    } catch (error) {
      this.#trace({ name: 'digest-failed', level: 'error', facts: { instance, reason: String(error) } });
      return;
    }
    this.#dissent(this.#watch.applied(instance, sum, this.#router.membership.membership));
  }

  /** Somebody's machines did not do what the others' did with the same commands. */
  #dissent(dissent: Dissent | null): void {
    if (dissent === null) return;
    const { instance, peer, mine, theirs, majority } = dissent;
    this.#trace({ name: 'state-differs', level: 'error', facts: { instance, peer, mine, theirs, majority } });
    if (majority !== 'theirs' || this.#standing.outage !== null) return;
    const detail = `the state after instance ${instance} is not what a majority of the voters has: a machine is not deterministic`;
    this.#verdict = { code: 'halted', detail };
    this.#standing.outage = this.#verdict;
    this.#committer.interrupted();
    this.desk.reads.suspended(new PaxmeshError('halted', detail));
  }

  #membersChanged(): void {
    const membership = this.#router.membership.membership;
    const { gid, version, members } = membership;
    this.#roster.changed(membership);
    this.#write('membership', membership);
    this.desk.feed.membersChanged();
    this.#options.membersChanged();
    this.#trace({ name: 'members-changed', level: 'info', facts: { gid, version, count: members.length } });
  }

  /** `instance`: which one renewed it; null: that came with a checkpoint. */
  #leaseChanged(instance: InstanceId | null): void {
    const { clock } = this.#options;
    const { state } = this.#router.master;
    if (state === null) return;
    this.#lease.applied(state, clock.now(), this.#roster.rank);
    this.#write('master', state);
    if (instance !== null && state.version !== instance && state.node !== null) return;
    this.#tellMaster(clock.now());
    this.#trace({ name: 'master-changed', level: 'info', facts: { node: state.node, version: state.version } });
  }

  /** A checkpoint in place of what is not taught: it must reach as far as teaching begins. */
  #offer(to: NodeId): void {
    const isFarEnough = (this.#vault.current?.instance ?? -1) + 1 >= this.#teacher.teachesFrom;
    const ready = isFarEnough ? Promise.resolve(null) : this.#vault.take();
    ready.then(
      () => this.#vault.offer(to),
      (error: unknown) => this.#trace({ name: 'checkpoint-failed', level: 'warn', facts: { reason: String(error) } }),
    );
  }

  #tellMaster(now: Millis): void {
    this.#masterTold = this.#lease.view(now).node;
    this.desk.feed.masterChanged();
  }

  #tellPosition(): void {
    this.#tellAt = null;
    const { self } = this.#options;
    const { lastChosen } = this.#log;
    const position = { type: 'position', gid: this.gid, lastChosen, state: this.#watch.newest } as const;
    for (const { id } of this.members) if (id !== self) this.#say(id, position);
  }

  #positionOf({ id, store }: PeerHello, { gid, lastChosen, state }: Position): void {
    if (gid !== null && this.gid !== null && gid !== this.gid) {
      this.#meetsStranger(id);
      return;
    }
    this.#roster.at(id, lastChosen);
    if (state !== null) this.#dissent(this.#watch.heard(id, state, this.#router.membership.membership));
    if (this.#replica === null || lastChosen < this.#replica.open) return;
    // Whoever counts majorities may be out of this node's reach alone. An ask from beyond my end says that I lag.
    const message = { type: 'ask', open: lastChosen + 1 } as const;
    this.#options.pump.input(this, { type: 'deliver', from: id, store, message });
  }

  /** When the link came up, one of us was not founded yet, and so the handshake could not tell. */
  #meetsStranger(peer: NodeId): void {
    this.#trace({ name: 'stranger', level: 'warn', facts: { peer } });
    this.#options.transport.part(peer);
  }

  /** System variables stand beside the log for offline reading, and prove at load that the log is whole. */
  #write(name: string, value: unknown): void {
    if (this.#replica === null) return;
    this.#options.pump.write(this.name, { type: 'variable', name, json: JSON.stringify(value) });
  }

  #proposeSystem(machine: string, order: unknown, wanted: () => boolean): void {
    this.#committer.submitSystem(this.#systemCommand(machine, asJson(order)), wanted);
    this.#options.pump.touch(this);
  }

  #systemCommand(machine: string, { encoding, bytes }: Draft): Command {
    const { origin } = this.#options;
    const id = { origin: `${origin}$`, sequence: this.#committer.nextSequence() };
    return { id, machine, encoding, bytes, key: null, ifMaster: null };
  }

  /** Instance 0. What waits in the queue follows it; before there is a group there is nobody to hand it to. */
  #foundingValue(replica: Replica, now: Millis): Value | null {
    if (!replica.wantsValue || !this.#founding.isDue(now) || !this.#roster.hasQuorum(replica.membership)) return null;
    const order = this.#systemCommand(MEMBERSHIP, asJson(this.#founding.order(replica.membership)));
    return { id: this.#committer.nextValueId(), bytes: packBatch([order]) };
  }

  /** Nothing of this group was ever voted or learned in this store, and nothing can be missing from it. */
  #isEmpty(): boolean {
    const replica = this.#replica;
    return replica !== null && replica.open === 0 && replica.acceptor.vote === null && this.#roster.lostVote === null;
  }

  #say(to: NodeId, message: PeerMessage): void {
    this.#options.pump.outbox.send(to, this.name, message);
    this.#options.pump.touch(this);
  }

  #pause(ms: Millis): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }

  #trace(note: Omit<TraceNote, 'group'>): void {
    this.#options.trace({ ...note, group: this.name });
  }
}

function asJson(order: unknown): Draft {
  return { encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) };
}

function abandoned(code: 'fenced' | 'halted' | 'draining', detail: string, sent: boolean): PaxmeshError {
  return new PaxmeshError(code, detail, sent ? { outcome: 'unknown' } : {});
}

/** The instance that set a variable; -1: there is none. */
function versionOf(json: string | undefined): InstanceId {
  return json === undefined ? -1 : (JSON.parse(json) as { version: InstanceId }).version;
}

function gidOf(membershipJson: string | undefined): string | null {
  return membershipJson === undefined ? null : (JSON.parse(membershipJson) as Membership).gid;
}
