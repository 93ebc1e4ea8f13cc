// What a run tells of itself when it is over.

import type { ReadMode } from '../engine/views.js';
import type { ChurnPlan } from './churn.js';
import type { Tally } from './clients.js';
import type { Plan, Profile } from './plan.js';

export interface Report {
  readonly seed: number;
  readonly profile: Profile;
  readonly plan: Plan | ChurnPlan;
  /** Sum over everything that happened. */
  readonly sum: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly chosen: number;
  readonly calls: Tally;
  /** Answers to operators, and what took effect on the members by kind. */
  readonly orders: Tally;
  readonly changes: Readonly<Record<string, number>>;
  /** Answers to reads by what they were, and checkpoints of others put in place. */
  readonly reads: Readonly<Record<ReadMode, number>>;
  readonly installs: number;
  readonly failure: { readonly invariant: string; readonly detail: string } | null;
  readonly lines: readonly string[];
}
