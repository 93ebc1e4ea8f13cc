// What the edge (routes, plugins, embedding programs) can ask of the engine; what it is shown is views.ts. PaxosNode and
// GroupDesk implement it. Every call that cannot be answered throws a PaxmeshError.
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Encoding } from '../machines/command.js';
import type { GroupBackup, GroupRestore } from './rescue/backup-desk.js';
import type {
  BatchCommitted,
  CheckpointView,
  Committed,
  FeedEvent,
  GroupStatus,
  InstancePage,
  InstanceView,
  MasterView,
  MembersView,
  NodeStatus,
  ProposalState,
  ReadAnswer,
  ReadMode,
  ReadyCheck,
  RestoredGroup,
  RetentionView,
} from './views.js';

export type Route = 'forward' | 'redirect' | 'local';

export interface NewCommand {
  /** Name of the machine that shall apply it. Unknown names are refused (422), reserved ones too (403). */
  readonly machine: string;
  readonly encoding: Encoding;
  /** The value's bytes as they came. The engine keeps them; the caller must not change them afterwards. */
  readonly bytes: Uint8Array;
  /** How many of the bytes the limit of values counts, where a value stands in a command; absent: all. */
  readonly valueBytes?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface ProposeOptions {
  /** 1..60000; the node's default when absent. */
  readonly timeoutMs?: Millis | undefined;
  /** 'redirect' is the edge's affair; the engine treats it as 'forward'. */
  readonly route?: Route | undefined;
  /** Fails with precondition-failed, at apply, unless this master version holds. */
  readonly ifMaster?: InstanceId | undefined;
}

export interface FollowOptions {
  readonly from: InstanceId | 'earliest' | 'now';
  /** Only values of these machines; absent: all. */
  readonly machines?: readonly string[];
  /** Include `$membership` and `$master` values. */
  readonly system?: boolean;
  /** Include values that were chosen but not applied. */
  readonly all?: boolean;
}

/**
 * A position in the log. Pull: nothing is read or held for a follower that does not ask. `next` waits until there is
 * something, or `waitMs` have passed (then: a bookmark, when the position moved or time is up). At most one `next` at
 * a time. After a `gap` the follower is at its end and `next` resolves with an empty list.
 */
export interface Follower {
  /** First instance this follower will give. */
  readonly from: InstanceId;
  next(waitMs: Millis): Promise<readonly FeedEvent[]>;
  close(): void;
}

export interface NewMember {
  readonly id: NodeId;
  readonly url: string;
  /** Default voter: it comes as a learner and is promoted when it is level. */
  readonly role?: 'voter' | 'learner' | 'observer';
}

export interface MemberPatch {
  readonly url?: string;
  readonly role?: 'voter' | 'learner' | 'observer';
}

export interface ChangeOptions {
  /** Fails with precondition-failed unless the membership has this version. */
  readonly ifMatch?: InstanceId;
  /** Also when fewer voters would be live than the new quorum. */
  readonly force?: boolean;
  readonly timeoutMs?: Millis;
}

/** How long an order to the group waits; the node's default when absent. */
export interface OrderOptions {
  readonly timeoutMs?: Millis | undefined;
}

export interface ReadOptions {
  /** Default linearizable. `lease` away from the holder is answered linearizably, which is more. */
  readonly read?: ReadMode | undefined;
  /** Waits until this instance is applied here. */
  readonly minInstance?: InstanceId | undefined;
  readonly timeoutMs?: Millis | undefined;
}

export interface GroupFace {
  readonly name: GroupId;
  /** Last applied instance here; -1 before the first. */
  readonly applied: InstanceId;
  readonly firstKept: InstanceId;
  readonly lastChosen: InstanceId;
  propose(command: NewCommand, options?: ProposeOptions): Promise<Committed>;
  /** Atomic: all commands in one instance. */
  proposeBatch(commands: readonly NewCommand[], options?: ProposeOptions): Promise<BatchCommitted>;
  /** Looks an idempotency key up; waits up to waitMs while pending. Throws key-not-found. */
  proposal(key: string, waitMs: Millis): Promise<ProposalState>;
  /**
   * Asks a machine. Throws unknown-machine, no-quorum or catching-up when it cannot be as fresh as asked within its time,
   * and what the machine's `query` throws.
   */
  read(machine: string, question: unknown, options?: ReadOptions): Promise<ReadAnswer>;
  /** Resolves when all that was acknowledged anywhere before the call is applied here. Throws as a linearizable read. */
  barrier(): Promise<InstanceId>;
  /** Resolves when something was applied since, or after `waitMs`. */
  changed(waitMs: Millis, signal?: AbortSignal): Promise<void>;
  /** This node's own, newest first. */
  checkpoints(): readonly CheckpointView[];
  /**
   * Takes one now, or joins the one under way. Waits as long as it takes unless told otherwise; it is written on then. Throws
   * halted, store-unavailable, proposal-timeout, command-rejected (a machine without snapshots).
   */
  takeCheckpoint(options?: OrderOptions): Promise<CheckpointView>;
  /** All of the state as of now. Throws halted, command-rejected (a machine without snapshots). */
  backup(): GroupBackup;
  /** Into a group that was never used, else precondition-failed. */
  beginRestore(): Promise<GroupRestore>;
  /** Names of the machines that anybody may propose to, and that a backup holds. */
  readonly machines: readonly string[];
  readonly retention: RetentionView;
  setRetention(patch: Partial<RetentionView>, options?: OrderOptions): Promise<RetentionView>;
  /** Throws instance-not-chosen, instance-trimmed. */
  instance(id: InstanceId): Promise<InstanceView>;
  /** A page; waits up to waitMs when `from` is beyond the end. Throws instance-trimmed. */
  instances(from: InstanceId, limit: number, waitMs: Millis, signal?: AbortSignal): Promise<InstancePage>;
  follow(options: FollowOptions): Follower;
  status(): GroupStatus;
  membersView(): MembersView;
  masterView(): MasterView;
  ready(): readonly ReadyCheck[];
  /** Each resolves when the change is applied here. Throws member-exists, member-not-found, no-change, … */
  addMember(member: NewMember, options?: ChangeOptions): Promise<MembersView>;
  updateMember(id: NodeId, patch: MemberPatch, options?: ChangeOptions): Promise<MembersView>;
  removeMember(id: NodeId, options?: ChangeOptions): Promise<MembersView>;
  /** The newcomer learns, votes when it is level, and then `id` goes. */
  replaceMember(
    id: NodeId,
    by: { readonly id: NodeId; readonly url: string },
    options?: ChangeOptions,
  ): Promise<MembersView>;
  /** Lists the store that a connected voter has now. */
  readmitMember(id: NodeId, options?: ChangeOptions): Promise<MembersView>;
  /** Resolves when the tenure that runs is over. */
  releaseMaster(options?: OrderOptions): Promise<MasterView>;
  /** Resolves when `to` holds the lease. Throws member-not-found, not-caught-up. */
  transferMaster(to: NodeId, options?: OrderOptions): Promise<MasterView>;
  /** Who shall be master whenever it can; null: nobody in particular. */
  readonly preferredMaster: NodeId | null;
  /** Resolves when the group has agreed on it, not when that node is master. Throws member-not-found. */
  preferMaster(node: NodeId | null, options?: OrderOptions): Promise<void>;
  /** At least 1000. */
  setLease(leaseMs: Millis, options?: OrderOptions): Promise<MasterView>;
}

export interface NodeFace {
  readonly id: NodeId;
  readonly url: string;
  readonly groupNames: readonly GroupId[];
  /** undefined: no such group here. */
  group(name: string): GroupFace | undefined;
  status(): NodeStatus;
  ready(): readonly ReadyCheck[];
  /** All groups as of one moment that is not before the call (machines/node-archive.ts). Throws no-quorum, catching-up, halted, … */
  backup(): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Throws precondition-failed for groups that were used, invalid-request for a damaged stream and for one that is longer than
   * fits here: nothing has changed then. `bytes`: how long the stream is said to be; null: nobody says.
   */
  restore(stream: AsyncIterable<Uint8Array>, bytes?: number | null): Promise<readonly RestoredGroup[]>;
  /** Refuse new proposals (503 draining), let those in flight finish, release leases. Resolves within `withinMs`. */
  drain(withinMs: Millis): Promise<void>;
}
