// What a simulation runs instead of its own machine and clients: a machine of unknown meaning, and commands for it.
import type { Random } from '../core/random.js';
import type { Draft, StateMachine } from '../machines/machine.js';
import type { Plan } from './plan.js';

export interface Workload {
  readonly plan: (random: Random) => Plan;
  /** A fresh one. */
  readonly machine: () => StateMachine;
  readonly command: (random: () => number) => Draft;
}
