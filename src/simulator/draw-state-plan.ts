// Draws the plans that are about state: clients of the machines that every group has, reads of every freshness, logs that are
// trimmed under checkpoints, and machines that throw. What they do not fix is left as the swarm, or the run of changing
// members, has drawn it.
import type { Random } from '../core/random.js';
import type { Plan, StateProfile } from './plan.js';

/** Two blocks and a bit. */
const BALLAST = 520 * 1024;

export function drawStatePlan(profile: StateProfile, base: Plan, random: Random): Plan {
  const between = (low: number, high: number) => random.between(low, high);
  const clients = { stateClients: 2 + random.below(3), stateThinkMs: between(10, 40), clients: 1, followers: 1 };
  switch (profile) {
    case 'state-machines':
      return { ...base, ...clients, durationMs: between(2000, 4000) };
    case 'stale-reads':
      // Whoever is asked has heard nothing for a while, and others commit without it; a holder's lease runs out meanwhile.
      return {
        ...base,
        ...clients,
        nodes: random.next() < 0.7 ? 3 : 5,
        groups: 1,
        durationMs: between(2500, 5000),
        leaseMs: 1000,
        localShare: 0.5,
        isolateEveryMs: between(300, 900),
        muteEveryMs: random.below(2) === 0 ? between(600, 1500) : 0,
        deafEveryMs: between(400, 1200),
        pauseEveryMs: between(500, 1500),
        driftEveryMs: between(500, 2000),
        drift: 0.05,
      };
    case 'short-log':
      return { ...shortLog(base, random), ...clients, nodes: random.next() < 0.7 ? 3 : 5, ...rotOrWipe(random) };
    case 'short-log-members':
      return { ...shortLog(base, random), ...clients, nodes: 3, isolateEveryMs: between(400, 1200) };
    case 'throwing-machine':
      return {
        ...base,
        ...clients,
        clients: 2,
        thinkMs: between(10, 40),
        durationMs: between(2500, 4000),
        machineThrows: between(0.002, 0.03),
        machineSlow: random.below(2) === 0 ? 0.05 : 0,
        ...(random.below(2) === 0 ? { keepInstances: 10 + random.below(60), checkpointEveryMs: 600 } : {}),
      };
  }
}

/** Nodes that are cut off for a while find that what they missed is trimmed. */
function shortLog(base: Plan, random: Random): Plan {
  const between = (low: number, high: number) => random.between(low, high);
  const maybe = (chance: number, value: number) => (random.next() < chance ? value : 0);
  return {
    ...base,
    groups: 1,
    durationMs: between(2500, 4500),
    heals: random.next() < 0.2,
    thinkMs: between(5, 20),
    keepInstances: 6 + random.below(24),
    checkpointEveryMs: maybe(0.5, between(100, 1000)),
    ballast: maybe(0.25, BALLAST),
    blockFails: maybe(0.3, between(0.01, 0.1)),
    crashAtBlock: maybe(0.3, between(0.01, 0.1)),
    blockGarbled: maybe(0.3, between(0.05, 0.3)),
    isolateEveryMs: between(300, 700),
    crashEveryMs: maybe(0.7, between(500, 1500)),
    // What keeps everybody from getting on is left to other profiles: here the log shall grow while somebody is away.
    stormEveryMs: 0,
    restartAllEveryMs: 0,
    storeDownEveryMs: 0,
    slowDiskEveryMs: 0,
    loss: maybe(0.3, between(0.001, 0.02)),
    saveMs: between(0.1, 1),
  };
}

/** Of what a minority may lose, one kind in a run. */
function rotOrWipe(random: Random): Pick<Plan, 'rotEveryMs' | 'wipeEveryMs'> {
  const meanMs = random.between(150, 800);
  switch (random.below(3)) {
    case 0:
      return { rotEveryMs: meanMs, wipeEveryMs: 0 };
    case 1:
      return { rotEveryMs: 0, wipeEveryMs: meanMs };
    default:
      return { rotEveryMs: 0, wipeEveryMs: 0 };
  }
}
