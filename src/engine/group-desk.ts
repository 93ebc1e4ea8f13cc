// What the edge asks of a group, answered: proposals through the intake, pages and the feed from the log, views of members,
// master and status. It changes nothing itself; taking part in the protocol is group.ts.
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import { memberOf } from '../core/membership.js';
import type { Replica } from '../core/replica.js';
import { RETENTION } from '../machines/batch.js';
import type { MachineRouter } from '../machines/router.js';
import { viewOf } from './checkpoints/checkpoint.js';
import type { Vault } from './checkpoints/vault.js';
import type {
  ChangeOptions,
  Follower,
  FollowOptions,
  GroupFace,
  MemberPatch,
  NewCommand,
  NewMember,
  OrderOptions,
  ProposeOptions,
  ReadOptions,
} from './face.js';
import type { LeaseKeeper } from './lease/lease-keeper.js';
import { MasterDesk } from './lease/master-desk.js';
import type { Applier } from './log/applier.js';
import { Feed, type FeedSource } from './log/feed.js';
import { LogPages, type Wait } from './log/log-pages.js';
import type { RecentLog } from './log/recent-log.js';
import type { LogStore } from './log-store.js';
import { MembersDesk } from './members/members-desk.js';
import type { Roster } from './members/roster.js';
import type { ReadAsk, ReadAt, Resign } from './peer-messages.js';
import type { Clock, PeerAddress, Transport } from './ports.js';
import type { Committer } from './proposals/committer.js';
import { Intake } from './proposals/intake.js';
import { Reader } from './reads/reader.js';
import { BackupDesk, type GroupBackup, type GroupRestore } from './rescue/backup-desk.js';
import type { Standing } from './standing.js';
import type {
  BatchCommitted,
  CheckpointView,
  Committed,
  GroupStatus,
  InstancePage,
  InstanceView,
  MasterView,
  MembersView,
  ProposalState,
  ReadAnswer,
  ReadyCheck,
  RetentionView,
} from './views.js';

export interface DeskParts {
  readonly name: GroupId;
  readonly origin: string;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  readonly apiPath?: string | undefined;
  readonly store: LogStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly committer: Committer;
  readonly router: MachineRouter;
  readonly applier: Applier;
  readonly log: RecentLog;
  readonly lease: LeaseKeeper;
  readonly roster: Roster;
  readonly standing: Standing;
  readonly vault: Vault;
  readonly replica: () => Replica | null;
  /** Something waits: in the committer's queue, or a read. */
  readonly arrived: () => void;
  /** Compares this node's position with a peer's: whoever is behind is taught. */
  readonly compareWith: (peer: NodeId) => void;
  /** The group's time. */
  readonly timeMs: () => Millis;
  /** Numbers the first round of questions of this start of this node; far from those of every other start. */
  readonly firstRound: number;
  readonly invite: (guest: PeerAddress) => () => void;
  readonly say: (to: NodeId, message: Resign | ReadAsk | ReadAt) => void;
}

export class GroupDesk implements GroupFace, FeedSource {
  readonly name: GroupId;
  readonly feed: Feed;
  readonly reads: Reader;
  readonly #parts: DeskParts;
  readonly #intake: Intake;
  readonly #pages: LogPages;
  readonly #members: MembersDesk;
  readonly #master: MasterDesk;
  readonly #backup: BackupDesk;

  constructor(parts: DeskParts) {
    const { clock, committer, router, standing, origin, timeoutMs, valueBytesMax, arrived, log } = parts;
    const now = () => clock.now();
    this.name = parts.name;
    this.#parts = parts;
    this.feed = new Feed(this, clock);
    const wait: Wait = (ms, onStop) => this.feed.wait(ms, onStop);
    this.#pages = new LogPages(log, router, now, wait, () => this.checkpointLink);
    const refusal = () => standing.refusal();
    this.#intake = new Intake({ ...parts, now, wait, refusal, localRefusal: () => standing.localRefusal() });
    const { roster, lease, invite, say: send } = parts;
    const intake = this.#intake;
    const gid = () => roster.current.gid;
    const newId = () => `${origin}/${committer.nextSequence()}`;
    this.#backup = new BackupDesk({ router, applier: parts.applier, intake, gid, valueBytesMax, newId });
    const lastChosen = () => this.lastChosen;
    const view = () => this.masterView();
    const ofOrders = { roster, intake, clock, timeoutMs, refusal };
    const master = new MasterDesk({ ...ofOrders, lease, view, lastChosen, send });
    this.#master = master;
    const relieve = (id: NodeId, withinMs: Millis) => master.relieve(id, withinMs);
    this.#members = new MembersDesk({ ...ofOrders, invite, relieve, view: () => this.membersView() });
    const { replica, compareWith, firstRound, timeMs } = parts;
    const holdsLease = () => this.masterView().self;
    const holds = () => parts.store.holds();
    const ofReads = { roster, router, standing, replica, timeoutMs, now, timeMs, holdsLease, firstRound, holds };
    this.reads = new Reader({ ...ofReads, send, arrived, compareWith });
  }

  backup(): GroupBackup {
    return this.#backup.backup();
  }

  beginRestore(): Promise<GroupRestore> {
    return this.#backup.beginRestore();
  }

  get machines(): readonly string[] {
    return this.#backup.machines;
  }

  async barrier(): Promise<InstanceId> {
    return (await this.reads.barrier({})).instanceId;
  }

  get applied(): InstanceId {
    return this.#parts.router.applied;
  }

  get firstKept(): InstanceId {
    return this.#parts.log.firstKept;
  }

  get lastChosen(): InstanceId {
    return this.#parts.log.lastChosen;
  }

  /** Where one learns of the checkpoint that holds what the log no longer does; null: there is none. */
  get checkpointLink(): string | null {
    const { vault, apiPath = '' } = this.#parts;
    return vault.current === null ? null : `${apiPath}/v1/groups/${this.name}/checkpoints`;
  }

  get retention(): RetentionView {
    return this.#parts.router.retention.retention;
  }

  checkpoints(): readonly CheckpointView[] {
    const { current } = this.#parts.vault;
    return current === null ? [] : [viewOf(current)];
  }

  async takeCheckpoint({ timeoutMs }: OrderOptions = {}): Promise<CheckpointView> {
    return viewOf(await this.#parts.vault.take(timeoutMs));
  }

  async setRetention(patch: Partial<RetentionView>, { timeoutMs }: OrderOptions = {}): Promise<RetentionView> {
    await this.#intake.order(RETENTION, patch, timeoutMs);
    this.#parts.vault.consider();
    return this.retention;
  }

  propose(command: NewCommand, options: ProposeOptions = {}): Promise<Committed> {
    return this.#intake.propose(command, options);
  }

  proposeBatch(commands: readonly NewCommand[], options: ProposeOptions = {}): Promise<BatchCommitted> {
    return this.#intake.proposeBatch(commands, options);
  }

  proposal(key: string, waitMs: Millis): Promise<ProposalState> {
    return this.#intake.proposal(key, waitMs);
  }

  read(machine: string, question: unknown, options: ReadOptions = {}): Promise<ReadAnswer> {
    return this.reads.read(machine, question, options);
  }

  changed(waitMs: Millis, signal?: AbortSignal): Promise<void> {
    return this.feed.changed(waitMs, signal);
  }

  /** More was applied here. */
  advanced(): void {
    this.reads.advanced();
    this.feed.advanced();
  }

  instance(id: InstanceId): Promise<InstanceView> {
    return this.#pages.one(id);
  }

  instances(from: InstanceId, limit: number, waitMs: Millis, signal?: AbortSignal): Promise<InstancePage> {
    return this.#pages.page(from, limit, waitMs, signal);
  }

  follow(options: FollowOptions): Follower {
    return this.feed.follow(options);
  }

  views(from: InstanceId, limit: number, bytesMax: number): Promise<readonly InstanceView[]> {
    return this.#pages.applied(from, limit, bytesMax);
  }

  membersView(): MembersView {
    return this.#parts.roster.view(this.lastChosen);
  }

  masterView(): MasterView {
    const { lease, clock, roster, standing } = this.#parts;
    const { node, version, renewal, leaseMs, expiresInMs, self } = lease.view(clock.now());
    const url = node === null ? null : (memberOf(roster.current, node)?.url ?? null);
    return { node, url, version, renewal, leaseMs, expiresInMs, self: self && standing.outage === null };
  }

  status(): GroupStatus {
    const { store, transport, replica, committer, roster, standing } = this.#parts;
    const { gid, members } = this.membersView();
    return {
      group: this.name,
      gid,
      open: replica()?.open ?? this.lastChosen + 1,
      lastChosen: this.lastChosen,
      applied: this.applied,
      firstKept: this.firstKept,
      checkpoint: this.#parts.vault.current?.instance ?? null,
      halted: standing.halted,
      master: this.masterView(),
      members,
      load: committer.load,
      peers: members
        .filter(({ id }) => id !== roster.self)
        .map(({ id, lastChosen }) => ({ id, connected: transport.isConnected(id), lastChosen })),
      store: {
        kind: store.kind,
        durable: store.durable,
        available: standing.storeAvailable,
        warnings: store.warnings,
      },
    };
  }

  ready(): readonly ReadyCheck[] {
    return this.#parts.standing.ready();
  }

  addMember(member: NewMember, options: ChangeOptions = {}): Promise<MembersView> {
    return this.#members.add(member, options);
  }

  updateMember(id: NodeId, patch: MemberPatch, options: ChangeOptions = {}): Promise<MembersView> {
    return this.#members.update(id, patch, options);
  }

  removeMember(id: NodeId, options: ChangeOptions = {}): Promise<MembersView> {
    return this.#members.remove(id, options);
  }

  replaceMember(id: NodeId, by: PeerAddress, options: ChangeOptions = {}): Promise<MembersView> {
    return this.#members.replace(id, by, options);
  }

  readmitMember(id: NodeId, options: ChangeOptions = {}): Promise<MembersView> {
    return this.#members.readmit(id, options);
  }

  releaseMaster(options: OrderOptions = {}): Promise<MasterView> {
    return this.#master.release(options);
  }

  transferMaster(to: NodeId, options: OrderOptions = {}): Promise<MasterView> {
    return this.#master.transfer(to, options);
  }

  get preferredMaster(): NodeId | null {
    return this.#parts.router.master.preferred;
  }

  preferMaster(node: NodeId | null, options: OrderOptions = {}): Promise<void> {
    return this.#master.prefer(node, options);
  }

  setLease(leaseMs: Millis, options: OrderOptions = {}): Promise<MasterView> {
    return this.#master.setLease(leaseMs, options);
  }
}
