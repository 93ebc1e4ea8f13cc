// A protocol mutant: a small, known-bad change to the compiled production code. A checker counts only when a mutant has
// made it fire. The edits are applied to a copy; a text that is not found exactly once is an error, so the lists cannot
// rot in silence.
import type { Profile } from '../../../src/simulator/plan.js';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The invariant that is to be seen broken, and a seed at which it was. */
  readonly falls: Fall;
}

export type Edit = readonly [module: string, text: string, replacement: string];

export interface Fall {
  readonly invariant: string;
  readonly profile: Profile;
  readonly seed: number;
}

export function falls(invariant: string, profile: Profile, seed: number): Fall {
  return { invariant, profile, seed };
}
