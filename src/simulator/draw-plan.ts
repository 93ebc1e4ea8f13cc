// Draws a seed's plan. Swarm testing: each seed turns a random subset of the faults on, because a run that has all of them
// at once hardly ever gets anywhere. Directed profiles fix what a rare fault needs and leave the rest to chance.
import type { Random } from '../core/random.js';
import { drawStatePlan } from './draw-state-plan.js';
import type { Plan, WholeProfile } from './plan.js';

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
    case 'members-at-random':
      return {
        ...membersRun(swarm, random),
        nodes: [1, 3, 3, 3, 4, 5][random.below(6)] ?? 3,
        crashBeforeSave: 0,
        crashAfterSave: 0,
      };
    case 'wiped-and-readmitted':
      return {
        ...membersRun(swarm, random),
        nodes: random.next() < 0.7 ? 3 : 5,
        spares: 1,
        durationMs: between(2500, 4000),
        wipeEveryMs: between(150, 500),
        readmits: between(0, 0.6),
        stormEveryMs: 0,
        restartAllEveryMs: 0,
      };
    case 'slow-newcomers':
      // Newcomers have their links and hear nothing, or are not heard: they are there, and not level.
      return {
        ...membersRun(swarm, random),
        nodes: 3,
        spares: 3,
        membersEveryMs: between(100, 250),
        muteEveryMs: between(300, 800),
        isolateEveryMs: between(300, 800),
        wipeEveryMs: random.below(2) === 0 ? between(200, 600) : 0,
        crashEveryMs: 0,
        stormEveryMs: 0,
        restartAllEveryMs: 0,
        thinkMs: between(15, 50),
      };
    case 'lease-at-random':
      // Slow links, and holders that are heard and hear nothing: others may count by another lease than the holder knows.
      return {
        ...swarm,
        nodes: random.below(2) === 0 ? 3 : 5,
        groups: 1,
        durationMs: 6000,
        heals: random.next() < 0.1,
        leaseMs: 1000,
        clients: 1,
        thinkMs: 300,
        followers: 0,
        drift: 0.05,
        driftEveryMs: between(500, 2000),
        masterEveryMs: between(150, 900),
        isolateEveryMs: between(1500, 4000),
        delayMs: random.next() < 0.6 ? between(10, 50) : swarm.delayMs,
        deafEveryMs: between(400, 1200),
      };
    case 'doubled-process':
      return {
        ...swarm,
        nodes: 3,
        groups: 1,
        durationMs: between(2000, 3500),
        heals: random.next() < 0.3,
        saveMs: between(0.2, 4),
        storeDownEveryMs: 0,
        doubleEveryMs: between(250, 900),
        masterEveryMs: random.below(2) === 0 ? between(300, 900) : 0,
      };
    case 'short-log-members':
      return drawStatePlan(profile, membersRun(swarm, random), random);
    case 'state-machines':
    case 'stale-reads':
    case 'short-log':
    case 'throwing-machine':
      return drawStatePlan(profile, swarm, random);
  }
}

/** Few of the other faults: the list of members changes all the time, and a frame or a process is lost now and then. */
function membersRun(swarm: Plan, random: Random): Plan {
  return {
    ...swarm,
    spares: 2,
    groups: random.next() < 0.85 ? 1 : 2,
    durationMs: random.between(2000, 3500),
    heals: random.next() < 0.35,
    leaseMs: 1000,
    clients: 1 + random.below(2),
    thinkMs: random.between(30, 120),
    membersEveryMs: random.between(100, 500),
    masterEveryMs: random.next() < 0.25 ? 600 : 0,
    // Of a lost disk nothing may be heard again on the link of the next one.
    echoes: false,
    drainEveryMs: 0,
  };
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
    spares: 0,
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
    deafEveryMs: 0,
    crashEveryMs: maybe(0.5, 300, 2000),
    stormEveryMs: maybe(0.15, 800, 3000),
    restartAllEveryMs: maybe(0.15, 1000, 3000),
    pauseEveryMs: maybe(0.3, 500, 2500),
    storeDownEveryMs: maybe(0.2, 500, 2500),
    slowDiskEveryMs: maybe(0.25, 400, 2000),
    driftEveryMs: maybe(0.4, 400, 2000),
    drainEveryMs: maybe(0.15, 800, 3000),
    wipeEveryMs: 0,
    doubleEveryMs: 0,
    membersEveryMs: 0,
    masterEveryMs: 0,
    readmits: 0,
    drainMs: 800,
    deafDrains: 0,
    saveMs: random.next() < 0.8 ? random.between(0.1, 0.6) : random.between(1, 8),
    saveFailsBefore: maybe(0.2, 0.001, 0.02),
    saveFailsAfter: maybe(0.2, 0.001, 0.02),
    crashBeforeSave: maybe(0.25, 0.001, 0.015),
    crashAfterSave: maybe(0.25, 0.001, 0.015),
    drift: random.next() < 0.5 ? 0.05 : 0.01,
    stateClients: 0,
    stateThinkMs: 0,
    userClients: 0,
    keepInstances: 0,
    checkpointEveryMs: 0,
    rotEveryMs: 0,
    ballast: 0,
    blockFails: 0,
    crashAtBlock: 0,
    blockGarbled: 0,
    machineThrows: 0,
    machineSlow: 0,
    quietFromMs: Number.POSITIVE_INFINITY,
  };
}
