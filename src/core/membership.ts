// Who belongs to a group and how many make a quorum: the type and its reading. What is a legal change is
// membership-change.ts; the replica applies it through ReplicaHost.membershipAfter while it closes an instance, so that
// it takes effect at the next one on every node.
import type { InstanceId, NodeId, StoreId } from './ids.js';

export type Role = 'voter' | 'learner' | 'observer';

export interface Member {
  readonly id: NodeId;
  readonly url: string;
  readonly role: Role;
  /** The identity of the store it votes from. null: not known yet; it votes only while the group has no gid. */
  readonly store: StoreId | null;
  /** A learner that shall vote as soon as it is level. */
  readonly candidate?: true;
  /** The voter that goes when this member votes; absent: none. */
  readonly replaces?: NodeId;
}

export interface Membership {
  /** The cluster's id; null until instance 0 has founded it. */
  readonly gid: string | null;
  /** The instance that set this membership; -1 for the configured founding members. */
  readonly version: InstanceId;
  readonly members: readonly Member[];
}

export function memberOf(membership: Membership, node: NodeId): Member | undefined {
  return membership.members.find((member) => member.id === node);
}

export function votersOf(membership: Membership): readonly Member[] {
  return membership.members.filter((member) => member.role === 'voter');
}

/** The number of voters that makes a majority: more than half. 1 of 1, 2 of 3, 3 of 4, 3 of 5. */
export function quorumOf(membership: Membership): number {
  return Math.floor(votersOf(membership).length / 2) + 1;
}

/**
 * May this node, speaking from this store, cast a vote that counts? (invariant listed-identity) While the group has no
 * gid nobody's store is listed, and each founder judges by itself whether it may vote (ReplicaStart.mayFound).
 */
export function mayVote(membership: Membership, node: NodeId, store: StoreId | null): boolean {
  const member = memberOf(membership, node);
  if (member === undefined || member.role !== 'voter') return false;
  return membership.gid === null || (member.store !== null && member.store === store);
}
