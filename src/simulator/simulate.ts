// The simulator for machines of one's own: a cluster of production nodes on virtual time, with the machine in every node,
// under seeded crashes, partitions, pauses, wrong clocks and installed checkpoints. All nodes must come to the same answers
// and states, whatever befalls them, and every promise of the engine is checked on the way. A seed that fails is told with
// its story, and fails again.
import { Random } from '../core/random.js';
import type { Draft, StateMachine } from '../machines/machine.js';
import { drawPlan } from './draw-plan.js';
import type { Plan } from './plan.js';
import { simulate as run } from './simulation.js';

/** Each may be left out of the mix. */
export interface Faults {
  readonly crashes?: boolean;
  readonly partitions?: boolean;
  readonly pauses?: boolean;
  readonly clocks?: boolean;
  /** Nodes that were away find the log trimmed, and install another one's checkpoint. */
  readonly installs?: boolean;
}

export interface SimulateOptions {
  /** A fresh machine for one start of one node. */
  readonly machine: () => StateMachine;
  /** The next command; anything random in it must come from `random`, which is in [0, 1). What is no Draft is taken as JSON. */
  readonly command: (random: () => number) => unknown;
  /** How many seeds, and the first of them. Default: 100, from 1. */
  readonly seeds?: number;
  readonly firstSeed?: number;
  /** 1, 3 or 5 make most sense. Default 3. */
  readonly nodes?: number;
  /** Virtual time of each seed. Default 3000. */
  readonly durationMs?: number;
  readonly faults?: Faults;
}

export interface Simulated {
  /** Seeds that were run, the failing one among them. */
  readonly seeds: number;
  /** Commands acknowledged, and checkpoints installed, over all seeds. */
  readonly acknowledged: number;
  readonly installs: number;
  /** null: nothing was found wrong. */
  readonly failure: {
    readonly seed: number;
    /** The promise that was broken; `same-state`: the machine is not deterministic. */
    readonly invariant: string;
    readonly detail: string;
    /** What led to it, newest last. */
    readonly story: readonly string[];
  } | null;
}

const STORY_LINES = 60;
/** Far from every other use of the seed. */
const MIX = 0x5bd1e995;

export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { seeds = 100, firstSeed = 1, machine } = options;
  const workload = {
    plan: (random: Random) => planOf(options, random),
    machine,
    command: (random: () => number) => draftOf(options.command(random)),
  };
  let acknowledged = 0;
  let installs = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const one = { seed, profile: 'swarm', workload } as const;
    const report = await run(one);
    acknowledged += report.calls.ok;
    installs += report.installs;
    if (report.failure === null) continue;
    const { lines } = await run({ ...one, lines: STORY_LINES });
    const { invariant, detail } = report.failure;
    const story = upToTheFailure(lines).slice(-STORY_LINES);
    const failure = { seed, invariant, detail: detail.replace(/^Violation: [a-z-]+: /, ''), story };
    return { seeds: seed - firstSeed + 1, acknowledged, installs, failure };
  }
  return { seeds, acknowledged, installs, failure: null };
}

function planOf({ nodes = 3, durationMs = 3000, faults = {} }: SimulateOptions, random: Random): Plan {
  const { crashes = true, partitions = true, pauses = true, clocks = true, installs = true } = faults;
  const some = new Random(Math.imul(random.below(2 ** 30), MIX));
  // Some of them in each seed: a cluster that has all at once hardly ever gets anywhere.
  const rate = (isWanted: boolean, low: number, high: number) => {
    const meanMs = some.between(low, high);
    return some.next() < 0.4 && isWanted ? meanMs : 0;
  };
  return {
    ...drawPlan('swarm', some),
    nodes,
    groups: 1,
    durationMs,
    heals: some.next() < 0.2,
    clients: 0,
    followers: 0,
    userClients: 3,
    stateThinkMs: some.between(5, 20),
    loss: partitions && some.next() < 0.3 ? some.between(0, 0.02) : 0,
    spikes: 0,
    cutEveryMs: rate(partitions, 400, 2000),
    oneWayEveryMs: rate(partitions, 400, 2000),
    flapEveryMs: rate(partitions, 300, 2000),
    isolateEveryMs: partitions ? some.between(300, 1200) : 0,
    crashEveryMs: rate(crashes, 300, 1500),
    stormEveryMs: 0,
    restartAllEveryMs: rate(crashes, 1500, 6000),
    pauseEveryMs: rate(pauses, 300, 1500),
    driftEveryMs: rate(clocks, 300, 1500),
    drift: clocks ? 0.05 : 0,
    storeDownEveryMs: 0,
    slowDiskEveryMs: 0,
    drainEveryMs: 0,
    saveMs: some.between(0.1, 1),
    saveFailsBefore: 0,
    saveFailsAfter: 0,
    crashBeforeSave: crashes ? 0.003 : 0,
    crashAfterSave: crashes ? 0.003 : 0,
    keepInstances: installs ? 4 + some.below(16) : 0,
    checkpointEveryMs: installs ? some.between(200, 1000) : 0,
  };
}

function draftOf(command: unknown): Draft {
  const isDraft = typeof command === 'object' && command !== null && 'bytes' in command && 'encoding' in command;
  return isDraft ? (command as Draft) : { encoding: 'json', bytes: Buffer.from(JSON.stringify(command)) };
}

/** What a node was in the midst of may still be told after that. */
function upToTheFailure(lines: readonly string[]): readonly string[] {
  const at = lines.findIndex((line) => line.includes(' FAILED '));
  return at < 0 ? lines : lines.slice(0, at + 1);
}
