// The core's face to programs that want the protocol without the service: `paxmesh/core`.
export { type Ballot, compareBallots, formatBallot, maxBallot, NO_BALLOT, sameBallot } from './ballot.js';
export { CHAIN_START, type Chain } from './chain.js';
export * from './effects.js';
export type { GroupId, InstanceId, Millis, NodeId, StoreId } from './ids.js';
export { InvariantBroken, invariant } from './invariant.js';
export { type Member, type Membership, mayVote, memberOf, quorumOf, type Role, votersOf } from './membership.js';
export type * from './message.js';
export { Random } from './random.js';
export { type Input, Replica, type ReplicaHost, type ReplicaStart } from './replica.js';
export type { Value, ValueId } from './value.js';
