// What the edge asks of a group, answered: proposals through the intake, pages and the feed from the log, views of members,
// master and status. It changes nothing itself; taking part in the protocol is group.ts.
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import { memberOf } from '../core/membership.js';
import type { Replica } from '../core/replica.js';
import type { MachineRouter } from '../machines/router.js';
import type { Committer } from './committer.js';
import type {
  BatchCommitted,
  ChangeOptions,
  Committed,
  Follower,
  FollowOptions,
  GroupFace,
  GroupStatus,
  InstancePage,
  InstanceView,
  MasterView,
  MemberPatch,
  MembersView,
  NewCommand,
  NewMember,
  ProposalState,
  ProposeOptions,
  ReadyCheck,
} from './face.js';
import { Feed, type FeedSource } from './feed.js';
import { Intake } from './intake.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { LogPages, type Wait } from './log-pages.js';
import { MasterDesk } from './master-desk.js';
import { MembersDesk } from './members-desk.js';
import type { Clock, LogStore, PeerAddress, Resign, Transport } from './ports.js';
import type { RecentLog } from './recent-log.js';
import type { Roster } from './roster.js';
import type { Standing } from './standing.js';

export interface DeskParts {
  readonly name: GroupId;
  readonly origin: string;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  readonly store: LogStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly committer: Committer;
  readonly router: MachineRouter;
  readonly log: RecentLog;
  readonly lease: LeaseKeeper;
  readonly roster: Roster;
  readonly standing: Standing;
  readonly replica: () => Replica | null;
  /** Something waits in the committer's queue. */
  readonly arrived: () => void;
  readonly invite: (guest: PeerAddress) => () => void;
  readonly say: (to: NodeId, message: Resign) => void;
}

export class GroupDesk implements GroupFace, FeedSource {
  readonly name: GroupId;
  readonly feed: Feed;
  readonly #parts: DeskParts;
  readonly #intake: Intake;
  readonly #pages: LogPages;
  readonly #members: MembersDesk;
  readonly #master: MasterDesk;

  constructor(parts: DeskParts) {
    const { clock, committer, router, standing, origin, timeoutMs, valueBytesMax, arrived, log } = parts;
    const now = () => clock.now();
    this.name = parts.name;
    this.#parts = parts;
    this.feed = new Feed(this, clock);
    const wait: Wait = (ms, onStop) => this.feed.wait(ms, onStop);
    this.#pages = new LogPages(log, router, now, wait);
    const refusal = () => standing.refusal();
    this.#intake = new Intake({
      origin,
      timeoutMs,
      valueBytesMax,
      committer,
      router,
      now,
      wait,
      refusal,
      arrived,
    });
    const { roster, lease, invite, say: send } = parts;
    const intake = this.#intake;
    const lastChosen = () => this.lastChosen;
    const view = () => this.masterView();
    const master = new MasterDesk({ roster, lease, intake, clock, timeoutMs, view, lastChosen, refusal, send });
    this.#master = master;
    const relieve = (id: NodeId, withinMs: Millis) => master.relieve(id, withinMs);
    this.#members = new MembersDesk({ roster, intake, clock, invite, relieve, view: () => this.membersView() });
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

  get checkpoint(): InstanceId | null {
    return null;
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
    const view = lease.view(clock.now());
    const url = view.node === null ? null : (memberOf(roster.current, view.node)?.url ?? null);
    return { ...view, url, self: view.self && standing.outage === null };
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
      checkpoint: this.checkpoint,
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

  releaseMaster(): Promise<MasterView> {
    return this.#master.release();
  }

  transferMaster(to: NodeId): Promise<MasterView> {
    return this.#master.transfer(to);
  }

  setLease(leaseMs: Millis): Promise<MasterView> {
    return this.#master.setLease(leaseMs);
  }
}
