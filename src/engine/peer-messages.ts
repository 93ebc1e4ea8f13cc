// What engines say to each other beside the core's messages: commands handed to the master, the founders' word, positions,
// the lease's return, questions before a read, checkpoints. How they stand in bytes is src/net/host-message-codec.ts.
import type { InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Message } from '../core/message.js';

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
  /** The one behind the last says: I have them all and am putting them in place; keep the log for me. It is not answered. */
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
