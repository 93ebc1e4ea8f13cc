// What a store on a fallible medium must know of a group to judge its rows and to write the next ones: the group's row in
// memory, and what the last load found. The ledger keeps one for each group.
import type { Ballot } from '../core/ballot.js';
import type { InstanceId } from '../core/ids.js';

export interface GroupBook {
  readonly prefix: Buffer;
  readonly place: Buffer;
  promised: Ballot;
  first: InstanceId;
  last: InstanceId;
  lastCrc: number;
  lastLink: number | null;
  readonly variables: Map<string, number>;
  variableSum: number;
  voteLost: string | null;
  /** The checksum of the group's row as it is on the medium; null: it has none. */
  rowCrc: number | null;
  /** False when the row cannot be read: the log must be scanned (a load) before anything is written. */
  known: boolean;
  /** Instances on the medium that must not be read. */
  dropped: Set<InstanceId>;
  /** Where the check at load began. What stands below is judged when it is read (read-log.ts). */
  checkedFrom: InstanceId;
}

/** The log begins at `instance`, or where it began if that is later. What it holds from there on stays. */
export function beginAt(book: GroupBook, instance: InstanceId): void {
  if (instance <= book.first) return;
  book.first = instance;
  if (book.last < instance) book.last = instance - 1;
}
