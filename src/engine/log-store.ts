// The port of the store: where durable facts live, with the contract that every adapter keeps. Adapters live in src/store;
// test/conformance/log-store.ts is their public suite. The simulator runs the production memory store.
import type { Ballot } from '../core/ballot.js';
import type { Write } from '../core/effects.js';
import type { GroupId, InstanceId, StoreId } from '../core/ids.js';
import type { Value } from '../core/value.js';

/** A record of a group's log, as `RecordWrite` wrote it. */
export interface LogRecord {
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly chosen: boolean;
  readonly checksum: number;
  readonly value: Value;
}

/** A named system variable of a group ("membership", "master", …): UTF-8 JSON text, replaced as a whole. */
export interface VariableWrite {
  readonly type: 'variable';
  readonly name: string;
  readonly json: string;
}

/**
 * The group's log begins at this instance: what is below is gone for every read and load, whether or not its bytes have
 * been taken away yet (`trim` does that), and a record written there later is gone at once. An instance beyond the end
 * empties the log; the next record is at that instance. Never moves back; without it and without a trim a log begins at
 * 0. Part of a flush, so a checkpoint and the place where the log goes on after it come together or not at all.
 */
export interface BeginWrite {
  readonly type: 'begin';
  readonly instance: InstanceId;
}

export type StoreWrite = Write | VariableWrite | BeginWrite;

/** Bytes of a block of a checkpoint, at most. Every block but the last of a checkpoint has exactly as many. */
export const BLOCK_BYTES: number = 256 * 1024;
/** What a checkpoint may be named; the engine makes the names, none comes from a peer. */
export const CHECKPOINT_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** All that one flush writes for one group, in order. */
export interface GroupWrites {
  readonly group: GroupId;
  readonly writes: readonly StoreWrite[];
}

/** A group as its store holds it. */
export interface StoredGroup {
  /** NO_BALLOT when nothing was ever promised. */
  readonly promised: Ballot;
  /** First instance that is kept: where the log begins, also when it has no record yet. 0 for an empty group. */
  readonly firstKept: InstanceId;
  /** The newest record: a vote whose fate is unknown (chosen false) or a learned value. null for an empty group. */
  readonly last: LogRecord | null;
  readonly variables: ReadonlyMap<string, string>;
  /** What the check at load found wrong; see `Damage`. Empty in health. */
  readonly damage: readonly Damage[];
}

/**
 * A defect found at load. `hidesVote` true: a promise or a vote may be lost, so this node must not vote in the group
 * until it is re-admitted. False: only closed instances are affected; they can be learned again from peers.
 */
export interface Damage {
  readonly instance: InstanceId | null;
  /** The last instance of a run of closed ones with the same defect; absent: `instance` alone. */
  readonly through?: InstanceId;
  readonly hidesVote: boolean;
  readonly detail: string;
}

export interface StoreOpening {
  /** Made when the store is first used; random. A wiped store has another. */
  readonly identity: StoreId;
  /** Counts the starts of this store: every open takes the next one. The fence of every flush. */
  readonly epoch: number;
  /** True when this open created the store: it held nothing at all. */
  readonly fresh: boolean;
  /** What this opening noticed and people should find in the log, e.g. that the Redis server is another process. */
  readonly notes?: readonly string[];
}

/**
 * Where durable facts live. The contract every adapter must keep (test/conformance/log-store.ts proves it):
 *
 * 1. `commit` is all or nothing, over all groups in the call, and durable when its promise resolves: it survives
 *    kill -9 of the process and of the store's server, and loss of power as far as the medium honours a sync.
 * 2. A rejected `commit` means unknown: all of it or none of it may be there. The engine then stops acting, calls
 *    `reopen`, loads again and goes on from what it finds. After `reopen` resolves nothing older can still land.
 * 3. The engine has one `commit` in flight at a time.
 * 4. `promised` never goes down: a PromiseWrite below the stored register leaves the register as it is.
 * 5. A RecordWrite replaces the record at its instance. Within one call later writes win.
 * 6. Every open takes the next epoch; a commit under an older epoch is refused with StoreFenced and writes nothing.
 * 7. Every byte read back was checked: record content, and its group and instance, are inside what is summed.
 * 8. Blocks of checkpoints stand beside the log. They are durable when `syncBlocks` resolves; until then a crash or a
 *    reopen may leave any of them, whole or torn or not at all. A block reads back exactly as written or as null. Names are the engine's: a
 *    checkpoint counts when a variable says so, and what no variable names is rubbish that the engine drops.
 * 9. Values handed to `commit` are not kept or changed by the adapter after it settled; values returned by reads are
 *    the caller's own.
 */
export interface LogStore {
  readonly kind: 'memory' | 'embedded' | 'redis';
  /** False when a crash of the machine may lose acknowledged writes (allowed only with --allow-unsafe-store). */
  readonly durable: boolean;
  /** Sentences for people, e.g. one Redis shared by several nodes. Shown in status and logs. */
  readonly warnings: readonly string[];
  /** Open, take the next epoch, check durability. Throws StoreUnusable with one line that says what to change. */
  open(): Promise<StoreOpening>;
  /**
   * After a failed commit: connect again, check durability again, take the next epoch. Throws while it cannot, and
   * StoreFenced for good once another process has opened the store: of two the newer one keeps it.
   */
  reopen(): Promise<StoreOpening>;
  /**
   * Resolves when this process held the store at some moment after the call; rejects with StoreFenced when another has opened it
   * since, and otherwise when it cannot be told. For those who answer from memory and write nothing.
   */
  holds(): Promise<void>;
  /** Groups that hold anything. */
  groups(): Promise<readonly GroupId[]>;
  /** A group's variables as they are, those that fail their checksum left out. What `load` needs may be among them. */
  variables(group: GroupId): Promise<ReadonlyMap<string, string>>;
  /**
   * Reads and verifies a group: all of it but the records below `from`, for which the caller vouches with a checkpoint that
   * holds what they did. The newest record is verified in any case. What is wrong below `from` is found by `read`.
   */
  load(group: GroupId, from?: InstanceId): Promise<StoredGroup>;
  commit(batch: readonly GroupWrites[]): Promise<void>;
  /**
   * Records from `from` on, ascending and contiguous, at most `limit`, stopping after `bytesMax` of value bytes (at
   * least one record when there is one). Stops before a hole, and before a record that is not the one last written.
   * Empty when `from` has no record.
   */
  read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]>;
  /** Remove all records below `before`. Durable, but not ordered with commits. Gives their space back. */
  trim(group: GroupId, before: InstanceId): Promise<void>;
  /** Block `index` (from 0) of this group's checkpoint `name`: at most BLOCK_BYTES. Replaces it when it is there. */
  putBlock(group: GroupId, name: string, index: number, bytes: Uint8Array): Promise<void>;
  /** All blocks put so far under this name, since the opening, are durable when it resolves. */
  syncBlocks(group: GroupId, name: string): Promise<void>;
  /** null: not there, or not what was put. The bytes are the caller's own. */
  readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null>;
  /** Names of checkpoints of which there are blocks. */
  checkpoints(group: GroupId): Promise<readonly string[]>;
  /** Removes all blocks of it and gives their space back. Without effect when there are none. */
  dropCheckpoint(group: GroupId, name: string): Promise<void>;
  /** Waits for the commit in flight, then lets go. Idempotent. */
  close(): Promise<void>;
}
