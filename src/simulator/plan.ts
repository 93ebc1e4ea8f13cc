// What a seed will do to the cluster: sizes, rates and chances, drawn once at the start. Swarm testing: each seed turns a
// random subset of the faults on, because a run that has all of them at once hardly ever gets anywhere. Directed profiles
// fix what a rare fault needs and leave the rest to chance.
import type { Random } from '../core/random.js';

export interface Plan {
  readonly nodes: number;
  readonly groups: number;
  /** Virtual time with faults; afterwards, when `heals`, everything is repaired and progress is demanded. */
  readonly durationMs: number;
  readonly heals: boolean;
  /** What stays broken when everything else is repaired. */
  readonly scar: 'none' | 'dead-node' | 'cut-pair';
  readonly leaseMs: number;

  readonly clients: number;
  /** Mean pause of a client between two calls. */
  readonly thinkMs: number;
  readonly followers: number;
  /** Clients prefer one node (the rest of the calls goes anywhere); duelling: each has its own and stays local. */
  readonly localShare: number;

  /** One-way delay: minimum and mean of what comes on top. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Chance of a frame to be lost, and to be held for up to a second. */
  readonly loss: number;
  readonly spikes: number;
  /** Messages of the core may overtake and double each other within a link: more than the port allows. */
  readonly wild: boolean;
  /** What was sent on the last life of a link may come again on the next. */
  readonly echoes: boolean;

  /** Mean time between faults of a kind, over the whole cluster; 0: never. */
  readonly cutEveryMs: number;
  readonly oneWayEveryMs: number;
  readonly flapEveryMs: number;
  readonly isolateEveryMs: number;
  readonly muteEveryMs: number;
  readonly crashEveryMs: number;
  readonly stormEveryMs: number;
  readonly restartAllEveryMs: number;
  readonly pauseEveryMs: number;
  readonly storeDownEveryMs: number;
  readonly slowDiskEveryMs: number;
  readonly driftEveryMs: number;
  readonly drainEveryMs: number;
  readonly wipeEveryMs: number;
  /** Longest time a node may take to drain; and the chance that it hears nothing meanwhile. */
  readonly drainMs: number;
  readonly deafDrains: number;

  readonly saveMs: number;
  /** Chances per commit. */
  readonly saveFailsBefore: number;
  readonly saveFailsAfter: number;
  readonly crashBeforeSave: number;
  readonly crashAfterSave: number;
  /** Largest deviation of a clock's speed; the lease is made for 5 %. */
  readonly drift: number;
  /** From when on no client calls are made. */
  readonly quietFromMs: number;
}

export const PROFILES = [
  'swarm',
  'crash-inside-save',
  'five-nodes',
  'lease-and-drift',
  'duelling-proposers',
  'lagging-learner',
  'idle-then-restart-all',
  'wild-network',
  'failing-store',
  'liveness',
  'wiped-node',
  'lease-given-back',
  'restarted-forwarder',
  'muted-stranger',
  'scarred',
  'membership-churn',
] as const;

export type Profile = (typeof PROFILES)[number];
/** Those with whole nodes; `membership-churn` has replicas alone (churn.ts). */
export type WholeProfile = Exclude<Profile, 'membership-churn'>;

export function profileOf(seed: number): Profile {
  return PROFILES[seed % PROFILES.length] ?? 'swarm';
}

export function drawPlan(profile: WholeProfile, random: Random): Plan {
  const swarm = drawSwarm(random);
  const between = (low: number, high: number) => random.between(low, high);
  switch (profile) {
    case 'swarm':
      return swarm;
    case 'crash-inside-save':
      return {
        ...swarm,
        nodes: 3,
        crashBeforeSave: between(0.005, 0.04),
        crashAfterSave: between(0.005, 0.04),
        saveFailsBefore: between(0, 0.02),
        saveFailsAfter: between(0, 0.02),
      };
    case 'five-nodes':
      // Every node proposes by itself while frames are lost: acceptors end up with votes of different ballots.
      return {
        ...swarm,
        nodes: 5,
        groups: 1,
        durationMs: between(1500, 3000),
        clients: 3 + random.below(3),
        thinkMs: between(10, 60),
        localShare: random.next() < 0.7 ? 1 : 0.1,
        isolateEveryMs: between(300, 900),
        loss: between(0.02, 0.3),
      };
    case 'lease-and-drift':
      return {
        ...swarm,
        nodes: random.below(2) === 0 ? 3 : 5,
        groups: 1,
        durationMs: 16_000,
        clients: 1,
        thinkMs: 400,
        drift: 0.05,
        driftEveryMs: 1500,
        isolateEveryMs: between(1200, 3000),
        pauseEveryMs: between(1500, 4000),
        crashEveryMs: between(2000, 6000),
        drainEveryMs: random.below(2) === 0 ? between(1000, 4000) : 0,
      };
    case 'duelling-proposers':
      return {
        ...swarm,
        nodes: 3,
        clients: 3,
        thinkMs: 3,
        localShare: 1,
        durationMs: 1500,
        oneWayEveryMs: between(200, 600),
      };
    case 'lagging-learner':
      return { ...swarm, nodes: 3, clients: 3, thinkMs: 8, isolateEveryMs: 700, durationMs: 3000 };
    case 'idle-then-restart-all':
      return { ...swarm, durationMs: 9000, quietFromMs: 2500, restartAllEveryMs: between(1200, 2500), heals: true };
    case 'wild-network':
      return { ...swarm, wild: true, loss: between(0.02, 0.15), jitterMs: between(1, 20), localShare: between(0.3, 1) };
    case 'failing-store':
      return {
        ...swarm,
        saveFailsBefore: between(0.005, 0.05),
        saveFailsAfter: between(0.005, 0.05),
        storeDownEveryMs: 1200,
      };
    case 'wiped-node':
      return {
        ...swarm,
        nodes: random.next() < 0.7 ? 3 : 5,
        durationMs: 3000,
        wipeEveryMs: between(20, 300),
        isolateEveryMs: between(200, 1000),
        localShare: 0.5,
      };
    case 'restarted-forwarder':
      // Nodes that lag hand over what they took, die, and hear the answers in their next life.
      return {
        ...swarm,
        nodes: 3,
        groups: 1,
        durationMs: 3000,
        clients: 3 + random.below(3),
        thinkMs: between(5, 20),
        localShare: 0,
        delayMs: between(1, 10),
        saveMs: between(1, 10),
        echoes: true,
        isolateEveryMs: between(300, 900),
        crashEveryMs: between(60, 250),
      };
    case 'lease-given-back':
      // What a node says while it drains is heard, and it hears nothing: others may see its release chosen before it does.
      return {
        ...swarm,
        nodes: 3,
        groups: 1,
        durationMs: 10_000,
        leaseMs: 3000,
        clients: 1,
        thinkMs: 300,
        drainEveryMs: between(700, 1500),
        drainMs: 2500,
        deafDrains: 0.7,
      };
    case 'liveness':
      return { ...swarm, durationMs: 2500, heals: true };
    case 'muted-stranger':
      // A node without a vote has only others' word to go by, and for a while nobody hears it ask.
      return {
        ...swarm,
        nodes: 3,
        groups: 1,
        durationMs: 5000,
        heals: true,
        thinkMs: 80,
        crashEveryMs: 0,
        stormEveryMs: 0,
        restartAllEveryMs: 0,
        wipeEveryMs: 200,
        muteEveryMs: 600,
      };
    case 'scarred':
      // A minority stays dead, or two nodes never meet again; the rest has to live without. Rivals make ballots collide.
      return {
        ...swarm,
        nodes: random.next() < 0.8 ? 3 : 5,
        durationMs: 1500,
        heals: true,
        scar: random.below(2) === 0 ? 'dead-node' : 'cut-pair',
        thinkMs: 10,
        localShare: 0.7,
        oneWayEveryMs: between(200, 600),
      };
  }
}

function drawSwarm(random: Random): Plan {
  const maybe = (chance: number, low: number, high: number) => {
    const value = random.between(low, high);
    return random.next() < chance ? value : 0;
  };
  const size = random.next();
  const delayed = random.next() < 0.3;
  return {
    nodes: size < 0.1 ? 1 : size < 0.8 ? 3 : 5,
    groups: random.next() < 0.75 ? 1 : 2 + random.below(2),
    durationMs: random.between(2500, 6000),
    heals: random.next() < 0.15,
    scar: 'none',
    leaseMs: random.next() < 0.5 ? 1000 : 2000,
    clients: 1 + random.below(3),
    thinkMs: random.between(20, 120),
    followers: random.below(3),
    localShare: random.next() < 0.3 ? 0.5 : 0.1,
    delayMs: random.between(0.05, 0.5),
    jitterMs: delayed ? random.between(2, 30) : random.between(0.05, 1),
    loss: maybe(0.4, 0.001, 0.1),
    spikes: maybe(0.3, 0.001, 0.02),
    wild: random.next() < 0.2,
    echoes: random.next() < 0.4,
    cutEveryMs: maybe(0.35, 300, 1500),
    oneWayEveryMs: maybe(0.35, 300, 1500),
    flapEveryMs: maybe(0.25, 100, 800),
    isolateEveryMs: maybe(0.35, 500, 2000),
    muteEveryMs: 0,
    crashEveryMs: maybe(0.5, 300, 2000),
    stormEveryMs: maybe(0.15, 800, 3000),
    restartAllEveryMs: maybe(0.15, 1000, 3000),
    pauseEveryMs: maybe(0.3, 500, 2500),
    storeDownEveryMs: maybe(0.2, 500, 2500),
    slowDiskEveryMs: maybe(0.25, 400, 2000),
    driftEveryMs: maybe(0.4, 400, 2000),
    drainEveryMs: maybe(0.15, 800, 3000),
    wipeEveryMs: 0,
    drainMs: 800,
    deafDrains: 0,
    saveMs: random.next() < 0.8 ? random.between(0.1, 0.6) : random.between(1, 8),
    saveFailsBefore: maybe(0.2, 0.001, 0.02),
    saveFailsAfter: maybe(0.2, 0.001, 0.02),
    crashBeforeSave: maybe(0.25, 0.001, 0.015),
    crashAfterSave: maybe(0.25, 0.001, 0.015),
    drift: random.next() < 0.5 ? 0.05 : 0.01,
    quietFromMs: Number.POSITIVE_INFINITY,
  };
}
