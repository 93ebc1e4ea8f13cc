// What /readyz says of one group: whether this node can serve proposals in it, and if not, why.
import type { GroupId } from '../core/ids.js';
import type { Role } from '../core/membership.js';
import type { ErrorCode } from './errors.js';
import type { ReadyCheck } from './face.js';

export interface GroupCondition {
  readonly group: GroupId;
  readonly draining: boolean;
  readonly outage: { readonly code: ErrorCode; readonly detail: string } | null;
  readonly halted: string | null;
  readonly needsReadmission: string | null;
  /** null: not a member, or not loaded. */
  readonly role: Role | null;
  readonly level: boolean;
  readonly quorum: boolean;
}

export function readiness(condition: GroupCondition): readonly ReadyCheck[] {
  const { group, outage, halted, needsReadmission, role } = condition;
  const check = (name: string, ok: boolean, code: ErrorCode, detail: string): ReadyCheck => {
    return { name: `${group}/${name}`, ok, code: ok ? null : code, detail: ok ? 'ok' : detail };
  };
  const loaded = outage === null;
  const checks = [
    check('store', loaded || outage.code === 'halted', outage?.code ?? 'store-unavailable', outage?.detail ?? ''),
    check('accepting', !condition.draining, 'draining', 'this node is shutting down'),
    check('log', halted === null && outage?.code !== 'halted', 'halted', halted ?? outage?.detail ?? ''),
    check('vote', needsReadmission === null, 'needs-readmission', needsReadmission ?? ''),
  ];
  if (!loaded) return checks;
  return [
    ...checks,
    check('member', role !== null, 'not-a-member', 'this node is not a member of the group'),
    check('level', condition.level, 'catching-up', 'this node is behind the group'),
    check('quorum', condition.quorum, 'no-quorum', 'too few members are connected'),
  ];
}
