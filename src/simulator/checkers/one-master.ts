// Nobody begins to hold the lease while another does. Invariant: one-master.
import type { GroupId } from '../../core/ids.js';
import type { Life, SimNode } from '../sim-node.js';
import { demand } from '../violation.js';

/** A process of `node` has begun to hold the lease. */
export function mustBeOnlyMaster(group: GroupId, node: SimNode, life: Life, nodes: readonly SimNode[]): void {
  for (const other of nodes) {
    for (const { node: rival } of other.processes) {
      if (rival === life.node) continue;
      demand(rival?.group(group)?.masterView().self !== true, 'one-master', () => {
        return `${group}: ${node.id} begins to hold the lease while ${other.id} does`;
      });
    }
  }
}
