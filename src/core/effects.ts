// What a step wants done. Durability is a place: `after` leaves only when `writes` (and everything this replica wrote
// before them) are on disk, `now` may leave at once because it reveals nothing unsaved.
import type { Ballot } from './ballot.js';
import type { InstanceId, NodeId } from './ids.js';
import type { Envelope } from './message.js';
import type { Value, ValueId } from './value.js';

/** The promise register. Monotone; written by the acceptor alone. */
export interface PromiseWrite {
  readonly type: 'promise';
  readonly ballot: Ballot;
}

/**
 * One record of the log; replaces an earlier record of the same instance.
 * `chosen` false: a vote at the open instance. True: learned from a teacher (our own vote, if any, is superseded).
 * `checksum`: the chain after this instance, if this value is the chosen one.
 */
export interface RecordWrite {
  readonly type: 'record';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly chosen: boolean;
  readonly checksum: number;
  readonly value: Value;
}

export type Write = PromiseWrite | RecordWrite;

/** One closed instance. `chain` is the checksum after it. */
export interface Entry {
  readonly instance: InstanceId;
  readonly value: Value;
  readonly ballot: Ballot;
  readonly chain: number;
}

/**
 * What became of a value I was given by `propose`.
 * chosen: it stands at `instance`. outbid: another value stands there and this one was proposed nowhere else, so it
 * will never be chosen. refused: it was never proposed (this replica may not propose, or is not level).
 */
export type Settled =
  | { readonly type: 'chosen'; readonly id: ValueId; readonly instance: InstanceId }
  | { readonly type: 'outbid'; readonly id: ValueId; readonly instance: InstanceId }
  | { readonly type: 'refused'; readonly id: ValueId; readonly reason: 'not-a-member' | 'catching-up' };

/** A peer needs entries from `from` on. Reading the past is the host's job. */
export interface Serve {
  readonly to: NodeId;
  readonly from: InstanceId;
}

/** The logs have diverged: this replica has stopped taking part and says so. */
export interface Diverged {
  readonly instance: InstanceId;
  readonly peer: NodeId;
  readonly mine: number;
  readonly theirs: number;
}

export interface Effects {
  writes: Write[];
  after: Envelope[];
  now: Envelope[];
  chosen: Entry[];
  settled: Settled[];
  serve: Serve[];
  diverged: Diverged | null;
}

export function noEffects(): Effects {
  return { writes: [], after: [], now: [], chosen: [], settled: [], serve: [], diverged: null };
}
