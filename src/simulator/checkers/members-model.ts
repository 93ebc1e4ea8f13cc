// What the log makes of the members, worked out a second time and in the plainest way: every order that may stand in a
// value, on plain lists. The nodes' own rule is held against it; it shares no code with it but the batch format.
import type { InstanceId, NodeId } from '../../core/ids.js';
import type { Member, Membership } from '../../core/membership.js';
import type { Value } from '../../core/value.js';
import { MEMBERSHIP, touchesMembership, unpackBatch } from '../../machines/batch.js';

/** Called for every order that takes effect. */
export type Tell = (op: string) => void;

type Order = Record<string, unknown> & { readonly op: string; readonly id: NodeId };

export function membersAfter(before: Membership, instance: InstanceId, value: Value, tell: Tell): Membership {
  if (!touchesMembership(value.bytes)) return before;
  let membership = before;
  for (const order of ordersIn(value)) {
    const members = obeyed(order, membership);
    if (members === null) continue;
    const gid = order.op === 'found' ? String(order['gid']) : membership.gid;
    membership = { gid, version: instance, members };
    tell(order.op === 'add' && order['replaces'] !== null ? 'replace' : order.op);
  }
  return membership;
}

/** Orders to the members inside a value, whether or not they take effect. */
export function ordersIn({ bytes }: Value): Order[] {
  if (!touchesMembership(bytes)) return [];
  const commands = unpackBatch(bytes).filter(({ machine }) => machine === MEMBERSHIP);
  return commands.map((command) => JSON.parse(Buffer.from(command.bytes).toString('utf8')));
}

/** null: the order changes nothing. */
function obeyed(order: Order, { gid, version, members }: Membership): readonly Member[] | null {
  if (order.op === 'found') return gid === null ? (order['members'] as Member[]) : null;
  if (gid === null) return null;
  const member = members.find(({ id }) => id === order.id);
  const store = order['store'] as string;
  const put = (changed: Member) => members.map((each) => (each === member ? changed : each));
  if (order.op === 'enrol') {
    return member?.role === 'voter' && member.store === null ? put({ ...member, store }) : null;
  }
  if (order['gid'] !== gid || order['expects'] !== version) return null;
  if (order.op === 'add') return added(order, members);
  if (member === undefined) return null;
  const { candidate, ...rest } = member;
  if (order.op === 'promote') return candidate ? put({ ...rest, role: 'voter', store }) : null;
  if (order.op === 'readmit')
    return member.role === 'voter' && member.store !== store ? put({ ...member, store }) : null;
  const isLast = member.role === 'voter' && members.filter(({ role }) => role === 'voter').length === 1;
  if (order.op === 'remove') return isLast ? null : left(members, order.id);
  const url = (order['url'] as string | null) ?? member.url;
  const role = (order['role'] as Member['role'] | null) ?? standing(member);
  if (members.some((other) => other !== member && other.url === url)) return null;
  if (role === standing(member)) return url === member.url ? null : put({ ...member, url });
  return isLast ? null : put(newcomer(order.id, url, role));
}

function added(order: Order, members: readonly Member[]): readonly Member[] | null {
  const url = order['url'] as string;
  const old = members.find(({ id }) => id === order['replaces']);
  if (order['replaces'] !== null && old === undefined) return null;
  if (members.some((each) => each.id === order.id || (each.url === url && each !== old))) return null;
  const comes = newcomer(order.id, url, order['role'] as Member['role']);
  if (old === undefined) return [...members, comes];
  return old.role === 'voter' ? [...members, { ...comes, replaces: old.id }] : [...left(members, old.id), comes];
}

/** Who shall vote learns first. */
function newcomer(id: NodeId, url: string, role: Member['role']): Member {
  return role === 'voter' ? { id, url, role: 'learner', store: null, candidate: true } : { id, url, role, store: null };
}

function standing({ candidate, role }: Member): Member['role'] {
  return candidate ? 'voter' : role;
}

function left(members: readonly Member[], gone: NodeId): readonly Member[] {
  return members
    .filter(({ id }) => id !== gone)
    .map((member) => {
      const { replaces, ...rest } = member;
      return replaces === gone ? rest : member;
    });
}
