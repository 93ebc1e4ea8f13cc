// `$membership`: who belongs to the group, as a replicated machine. The rule stands in one pure function that the replica
// calls while it closes an instance (so a change takes effect at the next instance, everywhere) and that this machine
// repeats when the entry is applied, to answer the proposer.
import type { InstanceId, NodeId, StoreId } from '../core/ids.js';
import { invariant } from '../core/invariant.js';
import { type Member, type Membership, memberOf } from '../core/membership.js';
import type { Value } from '../core/value.js';
import { MEMBERSHIP, touchesMembership, unpackBatch } from './batch.js';
import type { Command } from './command.js';
import type { Applied, ApplyContext, StateMachine } from './machine.js';

/** Gives a group its gid and records the founding members: the value of instance 0. */
export interface Found {
  readonly op: 'found';
  readonly gid: string;
  readonly members: readonly Member[];
}

/** Lists the store of a founder that was not there to name it when the group was founded. */
export interface Enrol {
  readonly op: 'enrol';
  readonly id: NodeId;
  readonly store: StoreId;
}

export type MembershipCommand = Found | Enrol;

type Verdict = { readonly membership: Membership } | { readonly rejected: string };

/** The membership after `command` is applied at `instance`, or why it stays. */
export function changeMembership(before: Membership, command: MembershipCommand, instance: InstanceId): Verdict {
  return command.op === 'found' ? found(before, command, instance) : enrol(before, command, instance);
}

/** The chosen list is the truth, whatever this node was configured with: nodes that judged by their own would part. */
function found(before: Membership, { gid, members }: Found, instance: InstanceId): Verdict {
  if (before.gid !== null) return { rejected: 'the group is founded already' };
  return { membership: { gid, version: instance, members } };
}

function enrol(before: Membership, { id, store }: Enrol, instance: InstanceId): Verdict {
  const member = memberOf(before, id);
  if (before.gid === null || member === undefined) return { rejected: `${id} is not a member` };
  if (member.store !== null) return { rejected: `the store of ${id} is listed already` };
  const members = before.members.map((one) => (one.id === id ? { ...one, store } : one));
  return { membership: { ...before, version: instance, members } };
}

/** For the replica: every change inside `value`, in order. Returns `before` itself when nothing changes. */
export function membershipAfter(before: Membership, instance: InstanceId, value: Value): Membership {
  if (!touchesMembership(value.bytes)) return before;
  let membership = before;
  for (const command of unpackBatch(value.bytes)) {
    if (command.machine !== MEMBERSHIP) continue;
    const verdict = changeMembership(membership, parse(command), instance);
    if ('membership' in verdict) membership = verdict.membership;
  }
  return membership;
}

export class MembershipMachine implements StateMachine {
  readonly name = MEMBERSHIP;
  #membership: Membership;

  constructor(founding: Membership) {
    invariant(founding.gid === null && founding.version === -1, 'one-membership', () => 'not a founding membership');
    this.#membership = founding;
  }

  get membership(): Membership {
    return this.#membership;
  }

  apply(command: Command, context: ApplyContext): Applied {
    const verdict = changeMembership(this.#membership, parse(command), context.instance);
    if ('rejected' in verdict) return verdict;
    this.#membership = verdict.membership;
    return { result: { gid: verdict.membership.gid, version: verdict.membership.version } };
  }
}

function parse(command: Command): MembershipCommand {
  return JSON.parse(Buffer.from(command.bytes).toString('utf8')) as MembershipCommand;
}
