// What of a process and its surroundings says how long its log may be.
import type { GroupId } from '../core/ids.js';
import type { Keeping } from './checkers/kept-log.js';
import type { Loans } from './checkers/loans.js';
import type { Life, SimNode } from './sim-node.js';

export function keepingOf(
  group: GroupId,
  { id, disk, life: newest }: SimNode,
  life: Life,
  loans: Loans,
  now: number,
): Keeping {
  return {
    isUp: life.node?.pumped(group)?.replica != null,
    stored: life === newest ? (disk.groups.get(group)?.first ?? 0) : null,
    needed: loans.neededOf(id, group, now),
  };
}
