// The rule of membership in churn runs: a value is either empty or one order that names the version it was worked out
// from, and gives votes to members or takes them away. An order whose version has gone by changes nothing: two
// changes made of the same set, one after the other, would leave sets whose quorums need not meet.
import type { InstanceId, NodeId } from '../core/ids.js';
import type { Membership, Role } from '../core/membership.js';
import type { Value } from '../core/value.js';

export interface ChangeOrder {
  /** The version this order was worked out from. */
  readonly expects: InstanceId;
  /** The members it leaves behind. */
  readonly members: Membership['members'];
}

export function changeOf({ version, members }: Membership, roles: ReadonlyMap<NodeId, Role>): ChangeOrder {
  return {
    expects: version,
    members: members.map((member) => ({ ...member, role: roles.get(member.id) ?? member.role })),
  };
}

export function packOrder(order: ChangeOrder | null): Uint8Array {
  return order === null ? new Uint8Array() : Buffer.from(JSON.stringify(order));
}

export function membersAfter(before: Membership, instance: InstanceId, { bytes }: Value): Membership {
  if (bytes.length === 0) return before;
  const order: ChangeOrder = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (order.expects !== before.version) return before;
  return { gid: before.gid, version: instance, members: order.members };
}
