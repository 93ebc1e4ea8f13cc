// The state guard: what this node does when its state is not what others have (state-watch.ts finds out). It says so, and when
// a majority of the voters is against it, it takes no part in the group any more: its answers would be wrong.
import type { InstanceId, NodeId } from '../../core/ids.js';
import type { MachineRouter } from '../../machines/router.js';
import { PaxmeshError } from '../errors.js';
import type { StateSum } from '../peer-messages.js';
import type { TraceNote } from '../ports.js';
import type { Committer } from '../proposals/committer.js';
import type { Standing } from '../standing.js';
import { type Dissent, StateWatch } from './state-watch.js';

export interface StateGuardOptions {
  readonly self: NodeId;
  readonly router: MachineRouter;
  readonly standing: Standing;
  readonly committer: Committer;
  /** Nothing fresh can be read here any more. */
  readonly readsEnd: (error: PaxmeshError) => void;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
}

export class StateGuard {
  readonly #options: StateGuardOptions;
  readonly #watch: StateWatch;

  constructor(options: StateGuardOptions) {
    this.#options = options;
    this.#watch = new StateWatch(options.self);
  }

  /** The newest sum here; null: none was taken yet. */
  get newest(): StateSum | null {
    return this.#watch.newest;
  }

  applied(instance: InstanceId): void {
    if (!this.#watch.isDue(instance)) return;
    const { router, trace } = this.#options;
    let sum: number;
    try {
      sum = router.digest();
    } catch (error) {
      // A machine that cannot sum itself up is not compared. It has done what it was told all the same.
      trace({ name: 'digest-failed', level: 'error', facts: { instance, reason: String(error) } });
      return;
    }
    this.#judge(this.#watch.applied(instance, sum, router.membership.membership));
  }

  heard(peer: NodeId, sum: StateSum): void {
    this.#judge(this.#watch.heard(peer, sum, this.#options.router.membership.membership));
  }

  /** Somebody's machines did not do what the others' did with the same commands. */
  #judge(dissent: Dissent | null): void {
    if (dissent === null) return;
    const { trace, standing, committer, readsEnd } = this.#options;
    const { instance, peer, mine, theirs, majority } = dissent;
    trace({ name: 'state-differs', level: 'error', facts: { instance, peer, mine, theirs, majority } });
    if (majority !== 'theirs' || standing.outage !== null) return;
    const detail = `the state after instance ${instance} is not what a majority of the voters has: a machine is not deterministic`;
    standing.condemn(detail);
    committer.interrupted();
    readsEnd(new PaxmeshError('halted', detail));
  }
}
