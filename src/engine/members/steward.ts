// The steward: chores of the master that nobody orders. It lists the stores of founders that were away, gives their vote to
// candidates that are level and to be heard, and lets go of whom they stand in for. One change at a time, each computed
// from the membership as applied; what it proposes in vain it proposes again. When it is this node itself that has to go, it
// passes the lease on first, and the next master lets it go.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import { type Member, type Membership, memberOf } from '../../core/membership.js';
import { changedMembership, type MembershipChange } from '../../core/membership-change.js';
import type { Roster } from './roster.js';

const LOOK_MS = 200;
const NOT_YET = Number.POSITIVE_INFINITY;

export interface StewardOptions {
  readonly roster: Roster;
  readonly isMaster: () => boolean;
  readonly lastChosen: () => InstanceId;
  /** `stillWanted` is asked right before the change is sealed. */
  readonly propose: (change: MembershipChange, stillWanted: () => boolean) => void;
  /** Gives the lease to this voter; null: to whoever takes it. */
  readonly resign: (heir: NodeId | null) => void;
}

export class Steward {
  readonly #options: StewardOptions;
  #lookAt: Millis = 0;
  /** What was chosen here at the last look: who has it all by the next one is level. */
  #mark: InstanceId = NOT_YET;
  #looks = 0;
  /** The membership in which it has tried to pass the lease on. If that was in vain, it goes with the lease. */
  #resignedIn: InstanceId | null = null;

  constructor(options: StewardOptions) {
    this.#options = options;
  }

  /** null: there is nothing to see to. */
  get wakeAt(): Millis | null {
    const { roster, isMaster } = this.#options;
    const { gid, members } = roster.current;
    const isIdle = gid === null || !members.some((member) => hasChore(roster.current, member));
    return isIdle || !isMaster() ? null : this.#lookAt;
  }

  tick(now: Millis): void {
    const at = this.wakeAt;
    if (at === null || now < at) return;
    // After a rest (there was no chore, or another master) the mark is of the past: whoever had as much may lack the rest.
    if (now >= at + LOOK_MS) this.#mark = NOT_YET;
    this.#lookAt = now + LOOK_MS;
    const look = ++this.#looks;
    const { roster, isMaster, lastChosen, propose, resign } = this.#options;
    const { version, members } = roster.current;
    const change = this.#nextChange();
    this.#mark = lastChosen();
    if (change === null) return;
    if (change.op === 'remove' && change.id === roster.self && this.#resignedIn !== version) {
      this.#resignedIn = version;
      resign(members.find(({ id, replaces }) => replaces === roster.self && roster.isLive(id))?.id ?? null);
      return;
    }
    // What could not leave since then is judged anew by every look.
    propose(change, () => look === this.#looks && isMaster() && roster.current.version === version);
  }

  #nextChange(): MembershipChange | null {
    const { roster } = this.#options;
    const { gid, version, members } = roster.current;
    if (gid === null) return null;
    const basis = { gid, expects: version };
    for (const { id, role, store, candidate, replaces } of members) {
      const proved = roster.isLive(id) ? roster.storeOf(id) : null;
      if (role === 'voter' && store === null && proved !== null) return { op: 'enrol', id, store: proved };
      if (role === 'voter' && replaces !== undefined) {
        const change: MembershipChange = { op: 'remove', ...basis, id: replaces };
        if (this.#keepsQuorum(change)) return change;
      }
      if (candidate && proved !== null && (roster.lastChosenAt(id) ?? -1) >= this.#mark) {
        const change: MembershipChange = { op: 'promote', ...basis, id, store: proved };
        if (this.#keepsQuorum(change)) return change;
      }
    }
    return null;
  }

  #keepsQuorum(change: MembershipChange): boolean {
    const { roster, lastChosen } = this.#options;
    const after = changedMembership(roster.current, change, lastChosen() + 1);
    return !('code' in after) && roster.hasQuorum(after);
  }
}

function hasChore(membership: Membership, { role, store, candidate, replaces }: Member): boolean {
  if (role === 'learner') return candidate === true;
  if (role === 'observer') return false;
  return store === null || (replaces !== undefined && memberOf(membership, replaces) !== undefined);
}
