// What replicas of one group say to each other. Two families:
//  - prepare and accept, with their answers, are the only ones that may move a promise;
//  - chosen and teach are the only ones that may close an instance.
// Ask only asks. A message never says more than its sender's disk holds; effects.ts tells when each may leave.
import type { Ballot } from './ballot.js';
import type { InstanceId, NodeId } from './ids.js';
import type { Value } from './value.js';

/** Phase 1a. "Will you promise this ballot, and what have you accepted at this instance?" */
export interface Prepare {
  readonly type: 'prepare';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
}

/** Phase 1b. The promise for `ballot`, with the vote cast at `instance`, if any. */
export interface Promised {
  readonly type: 'promised';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly vote: Vote | null;
}

export interface Vote {
  readonly ballot: Ballot;
  readonly value: Value;
}

/** Phase 2a. `chain` is the sender's checksum after instance - 1. */
export interface Accept {
  readonly type: 'accept';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly value: Value;
  readonly chain: number;
}

/** Phase 2b. "I have voted for the value of this ballot." */
export interface Accepted {
  readonly type: 'accepted';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
}

/** Answer to a prepare or accept below the promise. `ballot` is the refused one. */
export interface Rejected {
  readonly type: 'rejected';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly promised: Ballot;
}

/** "The value of this ballot is chosen at this instance", said only by who counted. `chain` as in Accept. */
export interface Chosen {
  readonly type: 'chosen';
  readonly instance: InstanceId;
  readonly ballot: Ballot;
  readonly chain: number;
}

/** "I have learned everything below `open`. Tell me the rest, if you know more." */
export interface Ask {
  readonly type: 'ask';
  readonly open: InstanceId;
}

/** Chosen entries, contiguous, from some instance on. `open`: the teacher's own open instance. */
export interface Teach {
  readonly type: 'teach';
  readonly open: InstanceId;
  readonly entries: readonly TaughtEntry[];
}

export interface TaughtEntry {
  readonly instance: InstanceId;
  /** The ballot the teacher's record stands under. Information; learning never moves a promise. */
  readonly ballot: Ballot;
  readonly value: Value;
  /** The teacher's checksum after this instance; the learner must come to the same. */
  readonly chain: number;
}

export type Message = Prepare | Promised | Accept | Accepted | Rejected | Chosen | Ask | Teach;

/** A message on its way, as the core addresses it; the group is added by the host. */
export interface Envelope {
  readonly to: NodeId;
  readonly message: Message;
}
