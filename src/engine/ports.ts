// The engine's ports: what it needs of the world, with the correctness contract in prose. Adapters live in src/store and
// src/net; test/conformance holds one public suite per port. The simulator has adapters of its own for Transport and
// Clock, and runs the production memory store.
import type { Ballot } from '../core/ballot.js';
import type { Write } from '../core/effects.js';
import type { GroupId, InstanceId, Millis, NodeId, StoreId } from '../core/ids.js';
import type { Message } from '../core/message.js';
import type { Value } from '../core/value.js';

// ---------------------------------------------------------------------------------------------------- LogStore

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
 * The group's log begins at this instance: what is below is gone for every read and load, whether or not its bytes have been
 * taken away yet (`trim` does that), and a record written there later is gone at once. An instance beyond the end empties the
 * log; the next record is at that instance. Never moves back; without it and without a trim a log begins at 0. Part of a flush, so a checkpoint and the place where the log goes on after it come together or not at all.
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

// --------------------------------------------------------------------------------------------------- Transport

/**
 * A command handed to the master by the node that took it (`batch` is a packed batch, src/machines/batch.ts). The
 * taker learns the outcome from its own log. Refused, it hears `forward-refused`; `reply` asks for `forward-settled` too,
 * for a taker that lags.
 */
export interface Forward {
  readonly type: 'forward';
  /** Numbers the taker's forwards; echoed in the answers. */
  readonly id: number;
  readonly reply: boolean;
  /** How long the command may wait at the master, in milliseconds from receipt. */
  readonly waitMs: Millis;
  readonly batch: Uint8Array;
}

/** Not proposed and never will be by the refuser: outcome none. `code` is an error code of errors.ts. */
export interface ForwardRefused {
  readonly type: 'forward-refused';
  readonly id: number;
  readonly code: string;
  readonly detail: string;
  readonly retryAfterMs: number;
}

/** Applied at the master. `json`: the outcomes of the batch's commands, see committer.ts. */
export interface ForwardSettled {
  readonly type: 'forward-settled';
  readonly id: number;
  readonly instance: InstanceId;
  readonly json: string;
}

/**
 * "My store holds no vote in this group", said while the group has no gid: what the founders tell each other before any
 * of them votes (founding.ts). `ask` wants the same word back.
 */
export interface Empty {
  readonly type: 'empty';
  readonly ask: boolean;
}

/** How far its sender is, in which cluster; said now and then. */
export interface Position {
  readonly type: 'position';
  /** null: not founded there. */
  readonly gid: string | null;
  readonly lastChosen: InstanceId;
  /** The digest of the state after some instance, for comparison; null: none yet. */
  readonly state: StateSum | null;
}

/** A node's whole applied state as of an instance, as one number. */
export interface StateSum {
  readonly instance: InstanceId;
  readonly sum: number;
}

/** Asks the holder of this tenure to give the lease back; `heir` shall have it next. */
export interface Resign {
  readonly type: 'resign';
  readonly version: InstanceId;
  readonly heir: NodeId | null;
}

/** "How far may anything have been acknowledged?", asked of the voters before a linearizable read (reader.ts). */
export interface ReadAsk {
  readonly type: 'read-ask';
  /** Numbers the asker's rounds; echoed in the answer. */
  readonly id: number;
}

/** The highest instance at which its sender has voted or learned; -1: none. */
export interface ReadAt {
  readonly type: 'read-at';
  readonly id: number;
  readonly through: InstanceId;
}

/** A checkpoint's likeness: what tells it from any other, and how much there is to fetch. */
export interface CheckpointLabel {
  /** The last instance inside it. */
  readonly instance: InstanceId;
  /** The chain's checksum after that instance. */
  readonly chain: number;
  /** CRC32 of all its bytes. */
  readonly crc: number;
  readonly bytes: number;
}

/** "What you ask for is trimmed here. Fetch this." Also the answer to an ask for a block of a checkpoint that is gone. */
export interface CheckpointOffer extends CheckpointLabel {
  readonly type: 'checkpoint';
}

export interface BlockAsk extends CheckpointLabel {
  readonly type: 'block-ask';
  readonly index: number;
}

/** Block `index` of the checkpoint of this instance and checksum, with the block's own CRC32. */
export interface Block {
  readonly type: 'block';
  readonly instance: InstanceId;
  readonly crc: number;
  readonly index: number;
  readonly blockCrc: number;
  readonly bytes: Uint8Array;
}

/** Between engines, beside the core's messages. */
export type HostMessage =
  | Forward
  | ForwardRefused
  | ForwardSettled
  | Empty
  | Resign
  | Position
  | ReadAsk
  | ReadAt
  | CheckpointOffer
  | BlockAsk
  | Block;
export type PeerMessage = Message | HostMessage;

const HOST_MESSAGES: ReadonlySet<PeerMessage['type']> = new Set<HostMessage['type']>([
  'forward',
  'forward-refused',
  'forward-settled',
  'empty',
  'resign',
  'position',
  'read-ask',
  'read-at',
  'checkpoint',
  'block-ask',
  'block',
]);

export function isHostMessage(message: PeerMessage): message is HostMessage {
  return HOST_MESSAGES.has(message.type);
}

export interface PeerAddress {
  readonly id: NodeId;
  readonly url: string;
}

/** What a peer's handshake proved. `store` is its store's identity. */
export interface PeerHello {
  readonly id: NodeId;
  readonly store: StoreId;
}

export interface TransportListener {
  /** In the order the peer sent them. The listener never throws. `bytes` inside the message are the listener's to keep. */
  received(from: PeerHello, group: GroupId, message: PeerMessage): void;
  /** A link is usable. Fired once for each life of a link, before anything is received on it. */
  connected(peer: PeerHello): void;
  disconnected(peer: PeerHello): void;
}

/**
 * Carries messages between nodes. May lose, duplicate (never within one link), delay; never garbles, never invents a
 * sender. Within one life of a link order is kept. `send` queues and never blocks; a peer that is slow or gone costs
 * a bounded queue and nothing else. What is queued for a peer that is not connected is dropped.
 */
export interface Transport {
  listen(listener: TransportListener): void;
  /** The peers to keep links with, and where they are. Replaces the earlier set. Without effect on this node's own id. */
  setPeers(peers: readonly PeerAddress[]): void;
  send(to: NodeId, group: GroupId, message: PeerMessage): void;
  /** Ships everything queued, one frame per peer where it fits. Called once at the end of a turn. */
  flush(): void;
  isConnected(peer: NodeId): boolean;
  /** Ends the link with this peer: it has turned out to be of another cluster. The next handshake says whether it may come. */
  part(peer: NodeId): void;
  close(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------------- Clock

export interface Timer {
  cancel(): void;
}

/** Time, turns and chance. The only source of each for engine and core, so that one seed is one story. */
export interface Clock {
  /** Monotonic. */
  now(): Millis;
  /** Wall clock, for stamps shown to people only. Never compared. */
  wallMs(): number;
  /** Runs `work` at the end of the present event-loop turn, after the input that is already waiting was delivered. */
  defer(work: () => void): void;
  after(ms: Millis, work: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
}

// ------------------------------------------------------------------------------------------------------- Trace

/** Named notes of what happened, for logs, metrics and `paxmesh dev`. Never part of a decision. */
export type Trace = (note: TraceNote) => void;

export interface TraceNote {
  readonly name: string;
  readonly group?: GroupId;
  /** Small facts: numbers and short strings. Never a value's bytes, never a secret. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}
