// The lease race: production LeaseKeepers and MasterMachines (lease-racer.ts) over a log that is a bare list, so that a
// million tenures take minutes. Clocks run wrong up to the stated drift, values are chosen late or never, nodes apply them
// late, stand still, die, hear nothing, give back, hand on, and agree on other lengths. After every step: no two nodes may
// believe that they hold the lease. It proves nothing of the log itself; for that there is simulation.ts.
import { Random } from '../core/random.js';
import { LeaseStory, type RaceFailure, type RaceTotals } from './lease-story.js';
import { RunTrace } from './trace.js';

export interface LeaseRaceOptions {
  readonly seed: number;
  /** Tenures to be won, over as many stories as that takes. */
  readonly leases: number;
  /** Largest deviation of a clock's speed: 0.05 is 5 % either way. */
  readonly drift: number;
  /** Keep so many lines of the last story; 0: none. */
  readonly lines?: number;
}

export interface LeaseRaceReport extends Readonly<RaceTotals> {
  readonly stories: number;
  /** Sum over all that happened: the same seed, the same sum. */
  readonly sum: number;
  /** The story with this seed, run alone, fails again. */
  readonly failure: (RaceFailure & { readonly seed: number }) | null;
  readonly lines: readonly string[];
}

/** Of one log; then everything begins anew with the next seed. */
export const LEASES_A_STORY = 20;

export function raceForLeases({ seed, leases, drift, lines = 0 }: LeaseRaceOptions): LeaseRaceReport {
  const totals: RaceTotals = {
    leases: 0,
    renewals: 0,
    releases: 0,
    refused: 0,
    starts: 0,
    steps: 0,
    virtualMs: 0,
  };
  let sum = 0;
  for (let stories = 1; ; stories++) {
    const story = seed + stories - 1;
    const trace = new RunTrace(lines);
    const random = new Random(Math.imul(story + 1, 0x9e3779b1));
    const failure = new LeaseStory(random, drift, totals, trace).run(LEASES_A_STORY);
    sum = (Math.imul(sum, 31) + trace.sum) >>> 0;
    if (failure === null && totals.leases < leases) continue;
    return { ...totals, stories, sum, failure: failure && { ...failure, seed: story }, lines: trace.lines };
  }
}
