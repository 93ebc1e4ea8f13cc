// The end of a run that heals: the faults stop, everything is repaired but for a scar that the cluster has to bear, and
// then progress is demanded within stated times. Invariants: progress, bounded.
import type { GroupId, NodeId } from '../core/ids.js';
import { memberOf } from '../core/membership.js';
import type { Random } from '../core/random.js';
import type { LogWitness } from './checkers/log-model.js';
import type { Clients } from './clients.js';
import { LEASE_MS_MAX, type Operators } from './operators.js';
import type { Plan } from './plan.js';
import type { SimNetwork } from './sim-network.js';
import type { SimNode } from './sim-node.js';
import { demand } from './violation.js';

/** After everything is repaired: so long until calls have to succeed, on top of two leases. */
const RECOVERY_MS = 4000;
const PROBE_MS = 2500;
const LEVEL_MS = 1500;
/** How old a chosen instance may be that has not reached everybody: renewals go on to the end. */
const NEWS_MS = 500;

export interface Patient {
  readonly plan: Plan;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly groups: readonly GroupId[];
  readonly witnesses: ReadonlyMap<GroupId, LogWitness>;
  readonly network: SimNetwork;
  readonly clients: Clients;
  readonly operators: Operators;
  readonly log: (who: string, what: string) => void;
  readonly failed: (error: unknown) => void;
  readonly now: () => number;
  /** Runs on; false when something has failed. */
  readonly until: (time: number) => Promise<boolean>;
}

interface Probe {
  readonly node: SimNode;
  readonly group: GroupId;
  ok: boolean;
}

/** Faults stop, everything is repaired; then the cluster has to be well within the stated times. */
export async function heal(patient: Patient): Promise<void> {
  const { plan, nodes, network, now, until } = patient;
  patient.log('', 'everything is repaired');
  network.heal();
  let goesOn = now();
  for (const node of nodes) {
    node.calm = true;
    node.disk.unusable = null;
    node.disk.slowness = 1;
    goesOn = Math.max(goesOn, node.life?.pausedUntil ?? 0);
    node.start();
  }
  const living = scarred(patient);
  const leaseMs = plan.masterEveryMs > 0 ? LEASE_MS_MAX : plan.leaseMs;
  await until(goesOn + RECOVERY_MS + 2 * leaseMs);
  const probes = [...patient.witnesses.values()].flatMap((witness) => {
    return membersAmong(living, witness).map((node) => probe(patient, node, witness.group));
  });
  const chosenNow = () => new Map([...patient.witnesses].map(([group, { chosen }]) => [group, chosen.length]));
  const beforeProbes = chosenNow();
  await until(now() + PROBE_MS + LEVEL_MS - NEWS_MS);
  const beforeEnd = chosenNow();
  if (!(await until(now() + NEWS_MS))) return;
  for (const { node, group, ok } of probes) {
    demand(ok, 'progress', () => `a proposal on ${node.id} ${group} is not done ${PROBE_MS} ms after recovery`);
  }
  patient.operators.mustBeAnswered();
  for (const witness of patient.witnesses.values()) mustHaveNoChores(witness);
  // Who never meets the master learns what it missed when it misses the master.
  for (const [group, due] of plan.scar === 'cut-pair' ? beforeProbes : beforeEnd) {
    const witness = patient.witnesses.get(group);
    if (witness === undefined) continue;
    const masters = mustBeWell(group, due, membersAmong(living, witness));
    if (plan.scar === 'cut-pair') masters.delete(null);
    demand(!masters.has(null) && masters.size === 1, 'progress', () => {
      return `${group}: masters are ${[...masters].join(', ')}`;
    });
  }
}

/** Leaves one node dead, or two that cannot reach each other, where a majority of voters lives without. */
function scarred({ plan, random, nodes, witnesses, network, log }: Patient): readonly SimNode[] {
  const dead = nodes[random.below(nodes.length)];
  const pair = random.below(Math.max(1, network.pairCount));
  const without = plan.scar === 'dead-node' ? dead : null;
  for (const { group, electorates } of witnesses.values()) {
    const { membership, quorum } = electorates.last;
    // Who holds instance 1 knows the founding. One that does not cannot tell whether its empty disk was wiped, and waits
    // for the word of all others.
    const voters = nodes.filter((node) => {
      const isListed = memberOf(membership, node.id)?.store === node.disk.identity;
      return isListed && node !== without && node.disk.view(group).holds(1);
    });
    if (voters.length < quorum) return nodes;
  }
  if (plan.scar === 'cut-pair') {
    log('', `pair ${pair} stays cut`);
    network.cut(pair, Number.POSITIVE_INFINITY);
  }
  if (without == null) return nodes;
  without.crash();
  without.retired = true;
  return nodes.filter((node) => node !== without);
}

/** Who has left, or was never let in, is no part of the group. */
function membersAmong(living: readonly SimNode[], { electorates }: LogWitness): readonly SimNode[] {
  return living.filter(({ id }) => memberOf(electorates.last.membership, id) !== undefined);
}

/** All are there, and so whoever waits for a vote has got it, and whom it stands in for is gone. */
function mustHaveNoChores({ group, electorates }: LogWitness): void {
  const { version, members } = electorates.last.membership;
  const waiting = members.find(({ candidate, replaces }) => candidate || replaces !== undefined);
  demand(waiting === undefined, 'progress', () => `${group}: ${waiting?.id} waits for its vote since ${version}`);
}

function probe({ clients, failed }: Patient, node: SimNode, group: GroupId): Probe {
  const made: Probe = { node, group, ok: false };
  clients.probe(node, group, PROBE_MS - 500).then(
    (ok) => {
      made.ok = ok;
    },
    (error: unknown) => failed(error),
  );
  return made;
}

/** `due`: so many instances have to be applied. Returns who is taken for the master. */
function mustBeWell(group: GroupId, due: number, living: readonly SimNode[]): Set<NodeId | null> {
  const masters = new Set<NodeId | null>();
  for (const node of living) {
    const face = node.group(group);
    demand(face !== null, 'progress', () => `${node.id} does not run`);
    const { lastChosen, applied } = face;
    demand(applied >= due - 1, 'progress', () => {
      return `${node.id} ${group} has applied ${applied} and closed ${lastChosen}; due are ${due} instances`;
    });
    const { load } = face.status();
    demand(load.queued + load.waiting + load.queuedBytes === 0, 'bounded', () => {
      return `${node.id} ${group} keeps ${JSON.stringify(load)} with no caller`;
    });
    masters.add(face.masterView().node);
  }
  return masters;
}
