// What a cluster can bear to lose. Disks are lost in simulation only where the protocol promises to bear it: a majority of
// the voters keeps its own.
import { mayVote } from '../core/membership.js';
import type { LogWitness } from './checkers/log-model.js';
import type { SimNode } from './sim-node.js';

/** May this node's disk go, in a run whose list of members changes? */
export function bearsLossOf(node: SimNode, witness: LogWitness, nodes: readonly SimNode[]): boolean {
  const { group, electorates } = witness;
  const { membership, quorum } = electorates.last;
  // Whoever holds an instance under this list knows the list, also after a restart: votes under the one before, which may
  // have been on the disks that were lost, are not needed any more.
  const keepers = nodes.filter((other) => {
    const knows = other.disk.view(group).holds(membership.version + 1);
    return other !== node && knows && mayVote(membership, other.id, other.disk.identity);
  });
  // Who waits for its vote gets it, maybe before anybody notices that its disk has gone.
  const electors = membership.members.filter(({ role, candidate }) => role === 'voter' || candidate).length;
  const needed = Math.max(quorum, Math.floor(electors / 2) + 1);
  if (membership.gid === null || keepers.length < needed) return false;
  // The guard of the founding is made for so many founders that have forgotten it.
  const founders = nodes.filter(({ isFounder }) => isFounder);
  const forgetful = founders.filter((other) => other === node || !other.disk.view(group).holds(0));
  return forgetful.length <= Math.ceil(founders.length / 2) - 1 || !node.isFounder;
}
