// What the edge (routes, plugins, embedding programs) sees of the engine: views are plain JSON as the API words it.
// PaxosNode and Group implement it. Every call that cannot be answered throws a PaxmeshError.
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Encoding } from '../machines/command.js';
import type { GroupBackup, GroupRestore } from './backup-desk.js';

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

export interface Committed<R = unknown> {
  readonly instanceId: InstanceId;
  readonly index: number;
  /** The machine's answer, JSON. */
  readonly result: R;
  /** True when an earlier proposal with the same idempotency key gave this answer. */
  readonly replayed: boolean;
}

export interface BatchResult {
  readonly index: number;
  readonly result: unknown;
  /** Only where a repeated idempotency key put this entry into another instance than the batch. */
  readonly instanceId?: InstanceId;
  /** Only when it was chosen but not applied. */
  readonly code?: string;
  readonly reason?: string;
}

export interface BatchCommitted {
  readonly instanceId: InstanceId;
  readonly results: readonly BatchResult[];
  /** True when an earlier batch with the same idempotency keys gave this answer. */
  readonly replayed: boolean;
}

export interface ValueView {
  readonly index: number;
  readonly machine: string;
  readonly encoding: Encoding;
  /** The JSON text itself for 'json', the text for 'utf8', base64 for 'base64'. `valueJson` is how it stands in JSON. */
  readonly valueJson: string;
  /** Only when false: chosen but not applied. */
  readonly applied?: false;
  readonly reason?: string;
}

export interface InstanceView {
  readonly instanceId: InstanceId;
  /** The chain's checksum after this instance, 8 hex digits. */
  readonly checksum: string;
  readonly values: readonly ValueView[];
}

export interface InstancePage {
  readonly items: readonly InstanceView[];
  readonly next: InstanceId;
  readonly firstKept: InstanceId;
  /** -1 when nothing is chosen yet. */
  readonly lastChosen: InstanceId;
}

export interface MemberView {
  readonly id: NodeId;
  readonly url: string;
  readonly role: 'voter' | 'learner' | 'observer';
  /** This node itself, or a link to it is up. */
  readonly live: boolean;
  /** Last chosen instance we know of there; null when unknown. */
  readonly lastChosen: InstanceId | null;
  readonly needsReadmission: boolean;
}

export interface MembersView {
  readonly gid: string | null;
  readonly version: InstanceId;
  readonly members: readonly MemberView[];
}

export interface MasterView {
  readonly node: NodeId | null;
  readonly url: string | null;
  readonly version: InstanceId | null;
  readonly renewal: InstanceId | null;
  readonly leaseMs: Millis;
  /** By this node's clock; null when there is no holder. */
  readonly expiresInMs: Millis | null;
  /** True only while this node itself holds the lease, by its own clock less the margin. */
  readonly self: boolean;
}

export interface GroupStatus {
  readonly group: GroupId;
  readonly gid: string | null;
  /** The instance this node would vote on next. */
  readonly open: InstanceId;
  readonly lastChosen: InstanceId;
  readonly applied: InstanceId;
  readonly firstKept: InstanceId;
  readonly checkpoint: InstanceId | null;
  /** Why this group is halted on this node; null in health. */
  readonly halted: string | null;
  readonly master: MasterView;
  readonly members: readonly MemberView[];
  readonly load: {
    readonly queued: number;
    readonly queuedBytes: number;
    readonly waiting: number;
    readonly inFlight: boolean;
  };
  readonly peers: readonly {
    readonly id: NodeId;
    readonly connected: boolean;
    readonly lastChosen: InstanceId | null;
  }[];
  readonly store: {
    readonly kind: string;
    readonly durable: boolean;
    readonly available: boolean;
    readonly warnings: readonly string[];
  };
}

export interface NodeStatus {
  readonly id: NodeId;
  readonly url: string;
  readonly version: string;
  readonly uptimeMs: Millis;
  readonly store: { readonly kind: string; readonly durable: boolean; readonly warnings: readonly string[] };
  readonly groups: readonly GroupId[];
}

/** One line of /readyz. `code` is an error code when not ok. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly code: string | null;
  readonly detail: string;
}

/** GET proposals/{key}. */
export interface ProposalState {
  readonly state: 'applied' | 'pending';
  readonly instanceId: InstanceId | null;
  readonly index: number | null;
  readonly result: unknown;
  /** Only for what was chosen and refused then: why, as its caller was told. */
  readonly code?: string;
  readonly reason?: string;
}

/** What a follower gets, in order. The edge turns each into one frame. */
export type FeedEvent =
  | { readonly type: 'commit'; readonly instanceId: InstanceId; readonly values: readonly ValueView[] }
  | { readonly type: 'bookmark'; readonly instanceId: InstanceId }
  | ({ readonly type: 'master' } & MasterView)
  | ({ readonly type: 'members' } & MembersView)
  | {
      readonly type: 'gap';
      readonly requested: InstanceId;
      readonly firstKept: InstanceId;
      /** Where one learns of the checkpoint that holds what is gone. */
      readonly checkpoint: string | null;
    };

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

/** How fresh an answer must be. linearizable: it holds all that was acknowledged anywhere before the call. */
export type ReadMode = 'linearizable' | 'lease' | 'local';

export interface ReadOptions {
  /** Default linearizable. `lease` away from the holder is answered linearizably, which is more. */
  readonly read?: ReadMode | undefined;
  /** Waits until this instance is applied here. */
  readonly minInstance?: InstanceId | undefined;
  readonly timeoutMs?: Millis | undefined;
}

export interface ReadAnswer<A = unknown> {
  /** The machine's answer. */
  readonly answer: A;
  /** Last instance that was applied here when it was given. */
  readonly instanceId: InstanceId;
  /** What the answer is: at least what was asked for. */
  readonly read: ReadMode;
}

export interface CheckpointView {
  /** The last instance inside it. */
  readonly instanceId: InstanceId;
  readonly bytes: number;
  readonly blocks: number;
  /** The chain's checksum after that instance, 8 hex digits. */
  readonly checksum: string;
  /** Wall clock, ISO 8601, for people. */
  readonly takenAt: string;
}

export interface RetentionView {
  readonly keepInstances: number;
  readonly trimming: 'running' | 'paused';
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
  /** Takes one now, or joins the one under way. Throws halted, store-unavailable, command-rejected (a machine without snapshots). */
  takeCheckpoint(): Promise<CheckpointView>;
  /** All of the state as of now. Throws halted, command-rejected (a machine without snapshots). */
  backup(): GroupBackup;
  /** Into a group that was never used, else precondition-failed. */
  beginRestore(): Promise<GroupRestore>;
  /** Names of the machines that anybody may propose to, and that a backup holds. */
  readonly machines: readonly string[];
  readonly retention: RetentionView;
  setRetention(patch: Partial<RetentionView>): Promise<RetentionView>;
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
  releaseMaster(): Promise<MasterView>;
  /** Resolves when `to` holds the lease. Throws member-not-found, not-caught-up. */
  transferMaster(to: NodeId): Promise<MasterView>;
  /** At least 1000. */
  setLease(leaseMs: Millis): Promise<MasterView>;
}

/** What a restore has put in place. */
export interface RestoredGroup {
  readonly group: GroupId;
  /** Of the cluster it is in now. */
  readonly gid: string | null;
  /** The instance from which on the state is there. */
  readonly instanceId: InstanceId;
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
  /** Throws precondition-failed for groups that were used, invalid-request for a damaged stream: nothing has changed then. */
  restore(stream: AsyncIterable<Uint8Array>): Promise<readonly RestoredGroup[]>;
  /** Refuse new proposals (503 draining), let those in flight finish, release leases. Resolves within `withinMs`. */
  drain(withinMs: Millis): Promise<void>;
}
