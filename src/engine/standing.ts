// How this node stands in a group: whether it takes proposals, and if not, why. One place words it for callers (the code
// of their error), for /readyz (a check list) and for the status.
import type { GroupId } from '../core/ids.js';
import { memberOf } from '../core/membership.js';
import type { Replica } from '../core/replica.js';
import { type ErrorCode, PaxmeshError } from './errors.js';
import type { Applier } from './log/applier.js';
import type { Founding } from './members/founding.js';
import type { Roster } from './members/roster.js';
import type { Committer } from './proposals/committer.js';
import type { ReadyCheck } from './views.js';

/** Why a group takes no part on this node. `store` is temporary; the others need a person. */
export interface Outage {
  readonly code: 'store-unavailable' | 'fenced' | 'halted';
  readonly detail: string;
}

export interface StandingOptions {
  readonly group: GroupId;
  readonly roster: Roster;
  readonly founding: Founding;
  readonly applier: Applier;
  readonly committer: Committer;
  readonly replica: () => Replica | null;
}

export class Standing {
  readonly #options: StandingOptions;
  outage: Outage | null = { code: 'store-unavailable', detail: 'the log is being read' };
  draining = false;
  /** Log or state here are not what the others have: no store that comes back makes them right. null: they are. */
  #verdict: Outage | null = null;

  constructor(options: StandingOptions) {
    this.#options = options;
  }

  /** For as long as this process lives. */
  condemn(detail: string): void {
    this.#verdict = { code: 'halted', detail };
    this.outage = this.#verdict;
  }

  /** The store works, and the log was read. */
  loaded(): void {
    this.outage = this.#verdict;
  }

  /** Of a store that is out: what the last attempt to open it ended with. */
  stillOut(detail: string): void {
    if (this.outage?.code === 'store-unavailable') this.outage = { ...this.outage, detail };
  }

  get isSound(): boolean {
    return this.#verdict === null;
  }

  /** Why the log does not go on here though the store works; null: it does. */
  get halted(): string | null {
    return this.#options.applier.halted ?? (this.outage?.code === 'halted' ? this.outage.detail : null);
  }

  get storeAvailable(): boolean {
    return this.outage === null || this.outage.code === 'halted';
  }

  /** Why this group takes no proposal now; null: it does. */
  refusal(): PaxmeshError | null {
    return this.draining ? new PaxmeshError('draining', 'this node is shutting down') : this.unfit();
  }

  /** Why nothing that is answered here can be up to date; null: it can, also while the node is shutting down. */
  unfit(): PaxmeshError | null {
    const { applier, roster } = this.#options;
    if (this.outage !== null) return new PaxmeshError(this.outage.code, this.outage.detail);
    if (applier.halted !== null) return new PaxmeshError('halted', applier.halted);
    if (!roster.isMember) {
      return new PaxmeshError('not-a-member', 'this node is not a member of the group');
    }
    return null;
  }

  /** Why nothing can be proposed by this very node; null: it can, or will when it is level. */
  localRefusal(): PaxmeshError | null {
    const { roster } = this.#options;
    const role = memberOf(roster.current, roster.self)?.role;
    if (role === undefined || role === 'voter') return null;
    return new PaxmeshError('not-a-member', `this node is no voter but ${role}: it hands proposals on, and makes none`);
  }

  /** A call ran out of time before its commands left this node: nothing was done, and this is why. */
  unproposed(): PaxmeshError {
    const refusal = this.refusal();
    if (refusal !== null) return refusal;
    const { roster, founding, committer } = this.#options;
    const replica = this.#options.replica();
    if (replica !== null && !roster.hasQuorum(replica.membership)) {
      return new PaxmeshError('no-quorum', 'too few members are connected to this node');
    }
    if (replica !== null && !replica.isLevel) return new PaxmeshError('catching-up', 'this node is behind the group');
    const readmission = roster.needsReadmission;
    if (readmission !== null) return new PaxmeshError('needs-readmission', readmission);
    if (roster.current.gid === null && !founding.mayFound) return new PaxmeshError('no-quorum', UNFOUNDED);
    return committer.load.inFlight
      ? new PaxmeshError('no-quorum', 'the value before this one does not come through')
      : new PaxmeshError('overloaded', 'the time limit passed while waiting in line');
  }

  /** What /readyz says of this group. */
  ready(): readonly ReadyCheck[] {
    const { group, roster, founding } = this.#options;
    const { outage, halted } = this;
    const replica = this.#options.replica();
    const check = (name: string, ok: boolean, code: ErrorCode, detail: string): ReadyCheck => {
      return { name: `${group}/${name}`, ok, code: ok ? null : code, detail: ok ? 'ok' : detail };
    };
    const readmission = roster.needsReadmission;
    const checks = [
      check('store', this.storeAvailable, outage?.code ?? 'store-unavailable', outage?.detail ?? ''),
      check('accepting', !this.draining, 'draining', 'this node is shutting down'),
      check('log', halted === null, 'halted', halted ?? ''),
      check('vote', readmission === null, 'needs-readmission', readmission ?? ''),
    ];
    if (outage !== null) return checks;
    const isMember = replica !== null && memberOf(replica.membership, roster.self) !== undefined;
    const founded = roster.current.gid !== null;
    const quorum = founded && replica !== null && roster.hasQuorum(replica.membership);
    const unfounded = founding.mayFound ? 'the group is being founded' : UNFOUNDED;
    return [
      ...checks,
      check('member', isMember, 'not-a-member', 'this node is not a member of the group'),
      check(
        'level',
        replica !== null && replica.isLevel && !replica.isRecovering,
        'catching-up',
        'this node is behind the group',
      ),
      check('quorum', quorum, 'no-quorum', founded ? 'too few members are connected' : unfounded),
    ];
  }
}

const UNFOUNDED = 'the group is not founded: too few of its founding members have said that they are new';
