// What the edge (routes, plugins, embedding programs) is shown: answers, pages, status and events, as plain JSON and as the
// API words them. What it can ask is face.ts.
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Encoding } from '../machines/command.js';

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

/** How fresh an answer must be. linearizable: it holds all that was acknowledged anywhere before the call. */
export type ReadMode = 'linearizable' | 'lease' | 'local';

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

/** What a restore has put in place. */
export interface RestoredGroup {
  readonly group: GroupId;
  /** Of the cluster it is in now. */
  readonly gid: string | null;
  /** The instance from which on the state is there. */
  readonly instanceId: InstanceId;
}
