// What is a legal change of membership, as one pure function: every node applies it to the same list at the same instance.
// Each change names the version it was computed from (compare-and-set) and touches the vote of one member at most. Whether
// a change is wise (is the new member there at all?) is judged before it is proposed, by who proposes it.
import type { InstanceId, NodeId, StoreId } from './ids.js';
import { type Member, type Membership, memberOf, type Role, votersOf } from './membership.js';

/** What every change but the first two is computed from. */
interface Basis {
  readonly gid: string;
  /** The version of the membership it changes. */
  readonly expects: InstanceId;
}

export type MembershipChange =
  /** Gives a group its gid and records the founding members: the value of instance 0. */
  | { readonly op: 'found'; readonly gid: string; readonly members: readonly Member[] }
  /** Lists the store of a founder that was not there to name it when the group was founded. */
  | { readonly op: 'enrol'; readonly id: NodeId; readonly store: StoreId }
  /** A new member never votes at once: a voter-to-be comes as a learner and is promoted when it is level. */
  | (Basis & {
      readonly op: 'add';
      readonly id: NodeId;
      readonly url: string;
      readonly role: Role;
      /** The member it stands in for: a voter goes when the newcomer votes, others go at once. */
      readonly replaces: NodeId | null;
    })
  | (Basis & { readonly op: 'promote'; readonly id: NodeId; readonly store: StoreId })
  | (Basis & { readonly op: 'update'; readonly id: NodeId; readonly url: string | null; readonly role: Role | null })
  | (Basis & { readonly op: 'remove'; readonly id: NodeId })
  /** The voter's store is another one now: from the next instance on this one's votes count, and no others. */
  | (Basis & { readonly op: 'readmit'; readonly id: NodeId; readonly store: StoreId })
  /**
   * A quorum is lost for ever: of all members one goes on alone, as another cluster. Legal in a log only where it was written
   * by hand while its node was down (engine/rescue/group-recovery.ts): it keeps no quorum of what was, so no node ever proposes it.
   */
  | (Basis & { readonly op: 'recover'; readonly newGid: string; readonly member: Member });

/** `code` is an error code of the service. */
export interface ChangeRefused {
  readonly code: 'precondition-failed' | 'member-exists' | 'member-not-found' | 'no-change' | 'would-lose-quorum';
  readonly reason: string;
}

/** The membership after `change` at `instance`, or why it stays. */
export function changedMembership(
  before: Membership,
  change: MembershipChange,
  instance: InstanceId,
): Membership | ChangeRefused {
  if (change.op === 'found') {
    // The chosen list is the truth, whatever a node was configured with: nodes that judged by their own would part.
    if (before.gid !== null) return refused('precondition-failed', 'the group is founded already');
    return { gid: change.gid, version: instance, members: change.members };
  }
  if (change.op === 'recover') return recovered(before, change, instance);
  const members = change.op === 'enrol' ? enrolled(before, change) : membersAfter(before, change);
  return 'code' in members ? members : { gid: before.gid, version: instance, members };
}

type Members = readonly Member[];

function membersAfter(
  before: Membership,
  change: Exclude<MembershipChange, { op: 'found' | 'enrol' | 'recover' }>,
): Members | ChangeRefused {
  const other = computedElsewhere(before, change);
  if (other !== null) return other;
  if (change.op === 'add') return added(before, change);
  const member = memberOf(before, change.id);
  if (member === undefined) return refused('member-not-found', `${change.id} is not a member`);
  switch (change.op) {
    case 'promote':
      if (!member.candidate) return refused('no-change', `${change.id} does not wait for a vote`);
      return replaced(before, promoted(member, change.store));
    case 'readmit':
      if (member.role !== 'voter') return refused('no-change', `${change.id} has no vote to be re-admitted to`);
      if (member.store === change.store) return refused('no-change', `the store of ${change.id} is listed as it is`);
      return replaced(before, { ...member, store: change.store });
    case 'remove':
      return isLastVoter(before, member) ? LAST_VOTER : without(before.members, change.id);
    case 'update':
      return updated(before, member, change.url ?? member.url, change.role ?? standing(member));
  }
}

/** It was computed from another membership than this. */
function computedElsewhere(before: Membership, { gid, expects }: Basis): ChangeRefused | null {
  if (before.gid === null || gid !== before.gid) return refused('precondition-failed', 'another cluster');
  if (expects === before.version) return null;
  return refused('precondition-failed', `the membership has version ${before.version}, not ${expects}`);
}

function recovered(
  before: Membership,
  change: Extract<MembershipChange, { op: 'recover' }>,
  instance: InstanceId,
): Membership | ChangeRefused {
  const { newGid, member } = change;
  const other = computedElsewhere(before, change);
  if (other !== null) return other;
  if (memberOf(before, member.id) === undefined) return refused('member-not-found', `${member.id} is not a member`);
  // Under the old name those that were left behind would take it for one of theirs.
  if (newGid === before.gid) return refused('no-change', 'a recovered cluster has a gid of its own');
  if (member.role !== 'voter' || member.store === null) return refused('would-lose-quorum', 'nobody could vote');
  return { gid: newGid, version: instance, members: [member] };
}

function enrolled(before: Membership, { id, store }: { id: NodeId; store: StoreId }): Members | ChangeRefused {
  const member = memberOf(before, id);
  if (before.gid === null || member === undefined) return refused('member-not-found', `${id} is not a member`);
  if (member.role !== 'voter' || member.store !== null) return refused('no-change', `the store of ${id} is listed`);
  return replaced(before, { ...member, store });
}

function added(before: Membership, change: Extract<MembershipChange, { op: 'add' }>): Members | ChangeRefused {
  const { id, url, role, replaces } = change;
  if (memberOf(before, id) !== undefined) return refused('member-exists', `${id} is a member`);
  const old = replaces === null ? undefined : memberOf(before, replaces);
  if (replaces !== null && old === undefined) return refused('member-not-found', `${replaces} is not a member`);
  const taken = before.members.find((member) => member.url === url && member !== old);
  if (taken !== undefined) return refused('member-exists', `${taken.id} has the address ${url}`);
  const newcomer: Member = { id, url, store: null, ...asked(role) };
  if (old === undefined) return [...before.members, newcomer];
  if (old.role === 'voter') return [...before.members, { ...newcomer, replaces: old.id }];
  return [...without(before.members, old.id), newcomer];
}

function updated(before: Membership, member: Member, url: string, wanted: Role): Members | ChangeRefused {
  if (url === member.url && wanted === standing(member)) return refused('no-change', `${member.id} is so already`);
  const taken = before.members.find((other) => other.id !== member.id && other.url === url);
  if (taken !== undefined) return refused('member-exists', `${taken.id} has the address ${url}`);
  if (wanted === standing(member)) return replaced(before, { ...member, url });
  if (isLastVoter(before, member)) return LAST_VOTER;
  return replaced(before, { id: member.id, url, store: null, ...asked(wanted) });
}

/** What somebody has asked it to be. */
function standing({ candidate, role }: Member): Role {
  return candidate ? 'voter' : role;
}

/** Nobody is made a voter by a word: whoever shall vote learns first. */
function asked(role: Role): Pick<Member, 'role' | 'candidate'> {
  return role === 'voter' ? { role: 'learner', candidate: true } : { role };
}

function promoted({ candidate: _, ...member }: Member, store: StoreId): Member {
  return { ...member, role: 'voter', store };
}

const LAST_VOTER = refused('would-lose-quorum', 'it is the last voter');

function isLastVoter(membership: Membership, member: Member): boolean {
  return member.role === 'voter' && votersOf(membership).length === 1;
}

function replaced(before: Membership, member: Member): Members {
  return before.members.map((one) => (one.id === member.id ? member : one));
}

/** Whoever stood in for the one that goes has nobody to wait for any more. */
function without(members: Members, id: NodeId): Members {
  return members
    .filter((member) => member.id !== id)
    .map(({ replaces, ...member }) => (replaces === undefined || replaces === id ? member : { ...member, replaces }));
}

function refused(code: ChangeRefused['code'], reason: string): ChangeRefused {
  return { code, reason };
}
