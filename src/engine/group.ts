// A group on this node: the replica with everything around it that turns calls into commands and chosen entries into
// answers. It is what the pump drives (Pumped) and what the edge asks (GroupFace). It owns no socket, disk or timer;
// those are the pump's and the ports'.
import { CHAIN_START } from '../core/chain.js';
import type { Diverged, Entry, Serve, Settled } from '../core/effects.js';
import type { GroupId, InstanceId, Millis, NodeId, StoreId } from '../core/ids.js';
import { type Membership, memberOf, quorumOf, votersOf } from '../core/membership.js';
import type { Message } from '../core/message.js';
import { Replica } from '../core/replica.js';
import type { Value } from '../core/value.js';
import { MASTER, MEMBERSHIP, packBatch } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import type { StateMachine } from '../machines/machine.js';
import type { MasterCommand } from '../machines/master-machine.js';
import { type Found, membershipAfter } from '../machines/membership-machine.js';
import { MachineRouter } from '../machines/router.js';
import { batchCommitted, committed, proposalState } from './answers.js';
import { type AppliedEntry, Applier } from './applier.js';
import { chainOf } from './checksum.js';
import { Committer, type Placed } from './committer.js';
import { PaxmeshError } from './errors.js';
import type {
  BatchCommitted,
  Committed,
  Follower,
  FollowOptions,
  GroupFace,
  GroupStatus,
  InstancePage,
  InstanceView,
  MasterView,
  MembersView,
  NewCommand,
  ProposalState,
  ProposeOptions,
  ReadyCheck,
} from './face.js';
import { Feed, type FeedSource } from './feed.js';
import { Forwarder } from './forwarder.js';
import { LeaseKeeper } from './lease-keeper.js';
import { LogPages, type Wait } from './log-pages.js';
import type { Clock, HostMessage, LogStore, PeerHello, Trace, TraceNote, Transport } from './ports.js';
import type { Pump, Pumped } from './pump.js';
import { readiness } from './readiness.js';
import { RecentLog } from './recent-log.js';
import { recover } from './recovery.js';
import { Teacher } from './teacher.js';

const SWEEP_MS = 20;
const FOUNDING_PATIENCE_MS = 2000;
const REPLAY_ENTRIES = 2000;
const REPLAY_BYTES = 8 * 1024 * 1024;
/** Old memberships kept for a replica that starts again behind what was applied (after a store failure). */
const MEMBERSHIPS_KEPT = 64;
export const TIMEOUT_MS_MAX = 60_000;

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
  readonly fatal: (error: unknown) => void;
}

/** Why a group takes no part on this node. `store` is temporary; the others need a person. */
type Outage = { readonly code: 'store-unavailable' | 'fenced' | 'halted'; readonly detail: string };

export class Group implements Pumped, GroupFace, FeedSource {
  readonly name: GroupId;
  readonly #options: GroupOptions;
  readonly #router: MachineRouter;
  readonly #committer: Committer;
  readonly #forwarder: Forwarder;
  readonly #lease: LeaseKeeper;
  readonly #feed: Feed;
  readonly #log: RecentLog;
  readonly #pages: LogPages;
  readonly #applier: Applier;
  readonly #teacher: Teacher;
  #replica: Replica | null = null;
  #memberships: Membership[];
  #outage: Outage | null = { code: 'store-unavailable', detail: 'the log is being read' };
  #lostVote: string | null = null;
  #draining = false;
  readonly #startedAt: Millis;
  /** Highest instance each peer is known to hold chosen. */
  readonly #peerChosen = new Map<NodeId, InstanceId>();
  /** Store identities that peers have proved; the founding value records them. */
  readonly #peerStores = new Map<NodeId, StoreId>();
  /** Idempotency keys of calls under way here. */
  readonly #pendingKeys = new Map<string, number>();
  #sweepAt: Millis | null = null;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.name = options.name;
    this.#startedAt = options.clock.now();
    this.#router = new MachineRouter(options.founding, options.machines);
    this.#memberships = [options.founding];
    this.#committer = new Committer(options.origin, Math.floor(options.clock.random() * 2 ** 52));
    this.#lease = new LeaseKeeper(
      {
        self: options.self,
        origin: options.origin,
        leaseMs: options.leaseMs,
        random: () => options.clock.random(),
        propose: (command, wanted) => this.#proposeLease(command, wanted),
      },
      options.clock.now(),
    );
    this.#feed = new Feed(this, options.clock);
    this.#forwarder = new Forwarder({
      self: options.self,
      committer: this.#committer,
      router: this.#router,
      send: (to, message) => options.transport.send(to, this.name, message),
      isConnected: (node) => options.transport.isConnected(node),
      trace: (note) => this.#trace(note),
    });
    this.#log = new RecentLog(options.store, options.name);
    const wait: Wait = (ms, onStop) => this.#feed.wait(ms, onStop);
    this.#pages = new LogPages(this.#log, this.#router, () => options.clock.now(), wait);
    this.#applier = this.#newApplier();
    this.#teacher = this.#newTeacher();
  }

  // ------------------------------------------------------------------------------------------ life

  /** Reads the group from the open store and takes part from then on. Also after a store failure. */
  async load(): Promise<void> {
    const { store, storeId, self, clock, name } = this.#options;
    const stored = await store.load(name);
    for (const { instance, detail } of stored.damage) {
      this.#trace({ name: 'damage', level: 'error', facts: { instance, detail } });
    }
    const { open, vote, votesFrom, lostVote } = recover(stored);
    this.#lostVote = lostVote;
    if (this.#router.applied < 0) await this.#replay(stored.firstKept, open);
    const before = open === stored.firstKept ? [] : await store.read(name, open - 1, 1, 1);
    this.#replica = new Replica(
      {
        self,
        store: storeId,
        open,
        chain: before[0]?.checksum ?? CHAIN_START,
        promised: stored.promised,
        vote,
        membership: this.#membershipFor(open),
        votesFrom,
        seed: Math.floor(clock.random() * 2 ** 32),
      },
      { chain: chainOf, membershipAfter },
      clock.now(),
    );
    this.#outage = null;
  }

  /** The store failed: what the replica held in memory is not to be trusted any more. */
  suspend(code: 'store-unavailable' | 'fenced', detail: string): void {
    this.#replica = null;
    this.#outage = { code, detail };
    this.#committer.interrupted();
    if (code === 'fenced') this.#committer.abandon((sent) => this.#abandoned('fenced', detail, sent));
  }

  connected(peer: PeerHello): void {
    this.#peerStores.set(peer.id, peer.store);
    this.#options.pump.input(this, { type: 'connected', peer: peer.id });
  }

  disconnected(peer: NodeId): void {
    this.#committer.disconnected(peer);
    this.#options.pump.touch(this);
  }

  /** Takes no new proposals; resolves when those under way are answered and the lease is given back, or at the time. */
  async drain(withinMs: Millis): Promise<void> {
    this.#draining = true;
    const { clock, pump } = this.#options;
    const until = clock.now() + withinMs;
    while (!this.#committer.idle && clock.now() < until) await this.#pause(10);
    if (this.#lease.release(clock.now())) {
      pump.touch(this);
      while (this.#lease.isGivingBack(clock.now()) && clock.now() < until && this.#hasQuorum()) await this.#pause(10);
    }
  }

  close(): void {
    this.#draining = true;
    this.#committer.abandon((sent) => this.#abandoned('draining', 'this node is shutting down', sent));
    this.#applier.close();
    this.#replica = null;
  }

  // ------------------------------------------------------------------------------------------ Pumped

  get replica(): Replica | null {
    return this.#replica;
  }

  dispatch(now: Millis): Value | null {
    const replica = this.#replica;
    if (replica === null || !this.#committer.hasWork) return null;
    const target = this.#forwarder.target(replica, this.#lease.state?.node ?? null, now);
    if (target !== null) this.#forwarder.forwardTo(target, now, !replica.isLevel);
    if (!replica.wantsValue || !this.#quorumConnected(replica.membership)) return null;
    if (replica.membership.gid === null) {
      if (!this.#committer.hasWork || !this.#mayFound(replica.membership, now)) return null;
      return this.#foundingValue(replica);
    }
    return this.#committer.seal(target !== null);
  }

  chosen(entries: readonly Entry[]): void {
    for (const entry of entries) if (this.#log.push(entry)) this.#applier.offer(entry);
    this.#feed.advanced();
  }

  settled(settled: Settled): void {
    this.#committer.settled(settled);
  }

  serve({ to, from }: Serve): void {
    this.#teacher.serve(to, from);
  }

  diverged({ instance, peer, mine, theirs }: Diverged): void {
    const sums = `checksum ${mine.toString(16)} here, ${theirs.toString(16)} at ${peer}`;
    this.#outage = { code: 'halted', detail: `the logs have diverged before instance ${instance}: ${sums}` };
    this.#committer.interrupted();
    this.#trace({ name: 'diverged', level: 'error', facts: { instance, peer, mine, theirs } });
  }

  heard(from: NodeId, message: Message): void {
    const open = 'open' in message ? message.open : message.type === 'chosen' ? message.instance + 1 : message.instance;
    const known = this.#peerChosen.get(from);
    if (known === undefined || open - 1 > known) this.#peerChosen.set(from, open - 1);
  }

  hostMessage(from: PeerHello, message: HostMessage, now: Millis): void {
    if (message.type === 'forward') this.#forwarder.received(from.id, message, this.#replica, this.#refusal(), now);
    else if (message.type === 'forward-refused') this.#committer.refused(message, now);
    else this.#forwarder.settledElsewhere(message);
  }

  get wakeAt(): Millis | null {
    const now = this.#options.clock.now();
    let at = this.#lease.wakeAt ?? Number.POSITIVE_INFINITY;
    if (this.#committer.needsSweep) {
      this.#sweepAt ??= now + SWEEP_MS;
      at = Math.min(at, this.#sweepAt);
    }
    const foundingAt = this.#startedAt + FOUNDING_PATIENCE_MS;
    if (this.gid === null && now < foundingAt) at = Math.min(at, foundingAt);
    return at === Number.POSITIVE_INFINITY ? null : at;
  }

  tick(now: Millis): void {
    const replica = this.#replica;
    const eligible = replica !== null && replica.mayVote && replica.isLevel && this.#applier.halted === null;
    this.#lease.tick(now, eligible, this.#rank());
    if (this.#sweepAt === null || now < this.#sweepAt) return;
    this.#sweepAt = null;
    this.#committer.sweep(now, () => this.#unproposed());
    this.#forwarder.forget(now);
  }

  durable(open: InstanceId): void {
    this.#log.durable(open - 1);
  }

  // ------------------------------------------------------------------------------------------ GroupFace

  get applied(): InstanceId {
    return this.#router.applied;
  }

  get firstKept(): InstanceId {
    return this.#log.firstKept;
  }

  get lastChosen(): InstanceId {
    return this.#log.lastChosen;
  }

  get checkpoint(): InstanceId | null {
    return null;
  }

  async propose(command: NewCommand, options: ProposeOptions = {}): Promise<Committed> {
    const placed = await this.#submit([command], options);
    return committed(placed);
  }

  async proposeBatch(commands: readonly NewCommand[], options: ProposeOptions = {}): Promise<BatchCommitted> {
    if (commands.length === 0) throw new PaxmeshError('invalid-request', 'a batch needs at least one entry');
    return batchCommitted(await this.#submit(commands, options));
  }

  async proposal(key: string, waitMs: Millis): Promise<ProposalState> {
    const { clock } = this.#options;
    const until = clock.now() + waitMs;
    for (;;) {
      const remembered = this.#router.remembered(key);
      if (remembered !== undefined) return proposalState(remembered);
      const pending = this.#pendingKeys.has(key);
      const left = until - clock.now();
      if (left <= 0) {
        if (pending) return { state: 'pending', instanceId: null, index: null, result: null };
        throw new PaxmeshError('key-not-found', 'no proposal with this idempotency key is known here');
      }
      await this.#feed.wait(left, () => {});
    }
  }

  instance(id: InstanceId): Promise<InstanceView> {
    return this.#pages.one(id);
  }

  instances(from: InstanceId, limit: number, waitMs: Millis, signal?: AbortSignal): Promise<InstancePage> {
    return this.#pages.page(from, limit, waitMs, signal);
  }

  follow(options: FollowOptions): Follower {
    return this.#feed.follow(options);
  }

  views(from: InstanceId, limit: number, bytesMax: number): Promise<readonly InstanceView[]> {
    return this.#pages.applied(from, limit, bytesMax);
  }

  membersView(): MembersView {
    const { transport, self } = this.#options;
    const { gid, version, members } = this.#membership();
    return {
      gid,
      version,
      members: members.map(({ id, url, role, store }) => ({
        id,
        url,
        role,
        live: id === self || transport.isConnected(id),
        lastChosen: id === self ? this.lastChosen : (this.#peerChosen.get(id) ?? null),
        needsReadmission: this.#mustBeReadmitted(id, store),
      })),
    };
  }

  masterView(): MasterView {
    const view = this.#lease.view(this.#options.clock.now());
    const url = view.node === null ? null : (memberOf(this.#membership(), view.node)?.url ?? null);
    return { ...view, url, self: view.self && this.#outage === null };
  }

  status(): GroupStatus {
    const { store, transport } = this.#options;
    const members = this.membersView();
    return {
      group: this.name,
      gid: members.gid,
      open: this.#replica?.open ?? this.lastChosen + 1,
      lastChosen: this.lastChosen,
      applied: this.applied,
      firstKept: this.firstKept,
      checkpoint: this.checkpoint,
      halted: this.#applier.halted ?? (this.#outage?.code === 'halted' ? this.#outage.detail : null),
      master: this.masterView(),
      members: members.members,
      load: this.#committer.load,
      peers: members.members
        .filter(({ id }) => id !== this.#options.self)
        .map(({ id, lastChosen }) => ({ id, connected: transport.isConnected(id), lastChosen })),
      store: {
        kind: store.kind,
        durable: store.durable,
        available: this.#outage === null || this.#outage.code === 'halted',
        warnings: store.warnings,
      },
    };
  }

  ready(): readonly ReadyCheck[] {
    const replica = this.#replica;
    return readiness({
      group: this.name,
      draining: this.#draining,
      outage: this.#outage,
      halted: this.#applier.halted,
      needsReadmission: this.#needsReadmission(),
      role: replica === null ? null : (memberOf(replica.membership, this.#options.self)?.role ?? null),
      level: replica?.isLevel ?? false,
      quorum: replica !== null && this.#quorumConnected(replica.membership),
    });
  }

  // ------------------------------------------------------------------------------------------ inside

  /** Every member this group knows of, for the links. */
  get members(): Membership['members'] {
    return this.#membership().members;
  }

  get gid(): string | null {
    return this.#membership().gid;
  }

  async #replay(firstKept: InstanceId, open: InstanceId): Promise<void> {
    this.#log.begin(firstKept, open);
    for (let next = firstKept; next < open; ) {
      const entries = await this.#log.read(next, Math.min(REPLAY_ENTRIES, open - next), REPLAY_BYTES);
      for (const entry of entries) this.#applier.offer(entry);
      next += entries.length;
    }
    this.#lease.started(this.#router.master.state, this.#options.clock.now(), this.#rank());
  }

  #newApplier(): Applier {
    return new Applier(this.#router, this.#log, this.#options.clock, {
      applied: (applied) => this.#onApplied(applied),
      halted: (reason) => {
        this.#trace({ name: reason === null ? 'resumed' : 'halted', level: 'error', facts: { reason } });
      },
      fatal: this.#options.fatal,
    });
  }

  #newTeacher(): Teacher {
    const { transport } = this.#options;
    const send = (to: NodeId, message: Message) => {
      transport.send(to, this.name, message);
      this.#options.pump.touch(this);
    };
    return new Teacher(this.#log, send, (error) => {
      this.#trace({ name: 'teach-failed', level: 'warn', facts: { reason: String(error) } });
    });
  }

  #onApplied(applied: AppliedEntry): void {
    this.#committer.applied(applied);
    this.#forwarder.applied(applied);
    const { instance } = applied.entry;
    const membership = this.#router.membership.membership;
    if (membership.version === instance) {
      this.#memberships.push(membership);
      if (this.#memberships.length > MEMBERSHIPS_KEPT) this.#memberships.shift();
      this.#write('membership', membership);
      this.#feed.membersChanged();
      this.#options.membersChanged();
      const { gid, version } = membership;
      this.#trace({
        name: 'members-changed',
        level: 'info',
        facts: { gid, version, count: membership.members.length },
      });
    }
    const master = this.#router.master.state;
    if (master?.renewal === instance) {
      this.#lease.applied(master, this.#options.clock.now(), this.#rank());
      this.#write('master', master);
      if (master.version === instance || master.node === null) {
        this.#feed.masterChanged();
        this.#trace({ name: 'master-changed', level: 'info', facts: { node: master.node, version: master.version } });
      }
    }
  }

  /** System variables stand beside the log for offline reading, and prove at load that the log is whole. */
  #write(name: string, value: unknown): void {
    if (this.#replica === null) return;
    this.#options.pump.write(this.name, { type: 'variable', name, json: JSON.stringify(value) });
  }

  #submit(news: readonly NewCommand[], options: ProposeOptions): Promise<readonly Placed[]> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    let bytes = 0;
    for (const { machine, bytes: value } of news) {
      if (machine.startsWith('$')) throw new PaxmeshError('forbidden', `machine ${machine} is reserved`);
      if (!this.#router.has(machine)) throw new PaxmeshError('unknown-machine', `there is no machine ${machine} here`);
      bytes += value.length;
    }
    if (bytes > this.#options.valueBytesMax) {
      throw new PaxmeshError('value-too-large', `a value may have ${this.#options.valueBytesMax} bytes`);
    }
    const { clock, origin, pump } = this.#options;
    const commands = news.map((command): Command => {
      const { machine, encoding, bytes: value, idempotencyKey } = command;
      const id = { origin, sequence: this.#committer.nextSequence() };
      return { id, machine, encoding, bytes: value, key: idempotencyKey ?? null, ifMaster: options.ifMaster ?? null };
    });
    const deadline = clock.now() + Math.min(options.timeoutMs ?? this.#options.timeoutMs, TIMEOUT_MS_MAX);
    const keys = commands.flatMap(({ key }) => (key === null ? [] : [key]));
    return new Promise((resolve, reject) => {
      const settle = (settlement: readonly Placed[] | PaxmeshError) => {
        for (const key of keys) this.#keyDone(key);
        if (settlement instanceof PaxmeshError) reject(settlement);
        else resolve(settlement);
      };
      this.#committer.submit({ commands, deadline, local: options.route === 'local', settle });
      for (const key of keys) this.#pendingKeys.set(key, (this.#pendingKeys.get(key) ?? 0) + 1);
      pump.touch(this);
    });
  }

  #keyDone(key: string): void {
    const left = (this.#pendingKeys.get(key) ?? 1) - 1;
    if (left === 0) this.#pendingKeys.delete(key);
    else this.#pendingKeys.set(key, left);
  }

  #proposeLease(order: MasterCommand, wanted: () => boolean): void {
    this.#committer.submitSystem(this.#systemCommand(MASTER, order), wanted);
    this.#options.pump.touch(this);
  }

  #systemCommand(machine: string, order: unknown): Command {
    const { origin } = this.#options;
    const bytes = Buffer.from(JSON.stringify(order));
    const id = { origin: `${origin}$`, sequence: this.#committer.nextSequence() };
    return { id, machine, encoding: 'json', bytes, key: null, ifMaster: null };
  }

  /** The founding value should list every member's store, so it waits a moment for those that are still starting. */
  #mayFound(membership: Membership, now: Millis): boolean {
    const { self } = this.#options;
    if (votersOf(membership).every(({ id }) => id === self || this.#peerStores.has(id))) return true;
    return now - this.#startedAt >= FOUNDING_PATIENCE_MS;
  }

  /** Instance 0 gives the group its gid. Losing it to another founder is as good. */
  #foundingValue(replica: Replica): Value {
    const { self, storeId, clock } = this.#options;
    const storeOf = (id: NodeId) => (id === self ? storeId : (this.#peerStores.get(id) ?? null));
    const word = () =>
      Math.floor(clock.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const order: Found = {
      op: 'found',
      gid: word() + word(),
      members: replica.membership.members.map((member) => ({ ...member, store: storeOf(member.id) })),
    };
    return { id: this.#committer.nextValueId(), bytes: packBatch([this.#systemCommand(MEMBERSHIP, order)]) };
  }

  /** Why this group takes no proposal now; null: it does. */
  #refusal(): PaxmeshError | null {
    if (this.#draining) return new PaxmeshError('draining', 'this node is shutting down');
    if (this.#outage !== null) return new PaxmeshError(this.#outage.code, this.#outage.detail);
    const halted = this.#applier.halted;
    if (halted !== null) return new PaxmeshError('halted', halted);
    const membership = this.#membership();
    if (membership.gid !== null && memberOf(membership, this.#options.self) === undefined) {
      return new PaxmeshError('not-a-member', 'this node is not a member of the group');
    }
    return null;
  }

  /** A call ran out of time before its commands left this node: nothing was done, and this is why. */
  #unproposed(): PaxmeshError {
    const refusal = this.#refusal();
    if (refusal !== null) return refusal;
    const replica = this.#replica;
    if (replica !== null && !this.#quorumConnected(replica.membership)) {
      return new PaxmeshError('no-quorum', 'too few members are connected to this node');
    }
    if (replica !== null && !replica.isLevel) return new PaxmeshError('catching-up', 'this node is behind the group');
    const readmission = this.#needsReadmission();
    if (readmission !== null) return new PaxmeshError('needs-readmission', readmission);
    const stuck = this.#committer.load.inFlight;
    return stuck
      ? new PaxmeshError('no-quorum', 'the value before this one does not come through')
      : new PaxmeshError('overloaded', 'the time limit passed while waiting in line');
  }

  /** Why this node's votes do not count until it is re-admitted; null: they do. */
  #needsReadmission(): string | null {
    const { self, storeId } = this.#options;
    const member = memberOf(this.#membership(), self);
    if (member !== undefined && member.store !== null && member.store !== storeId) {
      return 'this store is not the one the membership lists: it may have forgotten votes';
    }
    return this.#lostVote;
  }

  #mustBeReadmitted(id: NodeId, listed: StoreId | null): boolean {
    if (id === this.#options.self) return this.#needsReadmission() !== null;
    const proved = this.#peerStores.get(id);
    return listed !== null && proved !== undefined && proved !== listed;
  }

  #abandoned(code: 'fenced' | 'draining', detail: string, sent: boolean): PaxmeshError {
    return new PaxmeshError(code, detail, sent ? { outcome: 'unknown' } : {});
  }

  #hasQuorum(): boolean {
    return this.#quorumConnected(this.#membership());
  }

  #quorumConnected(membership: Membership): boolean {
    const { transport, self } = this.#options;
    let live = 0;
    for (const { id } of votersOf(membership)) if (id === self || transport.isConnected(id)) live++;
    return live >= quorumOf(membership);
  }

  #membership(): Membership {
    return this.#router.membership.membership;
  }

  #membershipFor(open: InstanceId): Membership {
    const found = this.#memberships.findLast((membership) => membership.version < open);
    return found ?? this.#options.founding;
  }

  /** Place among the voters, so that candidates do not all step forward at once. */
  #rank(): number {
    const place = votersOf(this.#membership()).findIndex(({ id }) => id === this.#options.self);
    return place < 0 ? votersOf(this.#membership()).length : place;
  }

  #pause(ms: Millis): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }

  #trace(note: Omit<TraceNote, 'group'>): void {
    this.#options.trace({ ...note, group: this.name });
  }
}
