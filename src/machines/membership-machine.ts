// `$membership`: who belongs to the group, as a replicated machine. The rule is core/membership-change.ts; the replica calls
// it while it closes an instance (so a change takes effect at the next one, everywhere), and this machine repeats it when
// the entry is applied, to answer the proposer.
import type { InstanceId } from '../core/ids.js';
import { invariant } from '../core/invariant.js';
import type { Membership } from '../core/membership.js';
import { changedMembership, type MembershipChange } from '../core/membership-change.js';
import type { Value } from '../core/value.js';
import { MEMBERSHIP, touchesMembership, unpackBatch } from './batch.js';
import type { Command } from './command.js';
import type { Applied, ApplyContext, StateMachine } from './machine.js';

/** For the replica: every change inside `value`, in order. Returns `before` itself when nothing changes. */
export function membershipAfter(before: Membership, instance: InstanceId, value: Value): Membership {
  if (!touchesMembership(value.bytes)) return before;
  let membership = before;
  for (const command of unpackBatch(value.bytes)) {
    if (command.machine !== MEMBERSHIP) continue;
    const after = changedMembership(membership, parse(command), instance);
    if (!('code' in after)) membership = after;
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

  restored(membership: Membership): void {
    this.#membership = membership;
  }

  apply(command: Command, context: ApplyContext): Applied {
    const after = changedMembership(this.#membership, parse(command), context.instance);
    if ('code' in after) return { rejected: after.reason, code: after.code };
    this.#membership = after;
    return { result: { gid: after.gid, version: after.version } };
  }
}

function parse(command: Command): MembershipChange {
  return JSON.parse(Buffer.from(command.bytes).toString('utf8')) as MembershipChange;
}
