// From what a store holds to where a replica starts. Whatever the check at load found wrong is judged here by one question:
// may a promise or a vote be missing? If so the replica learns and serves but never votes again until it is re-admitted.
// A closed instance that is missing is learned again, and voting waits until that is done.

import type { OwnVote } from '../core/acceptor.js';
import type { InstanceId } from '../core/ids.js';
import type { StoredGroup } from './ports.js';

export interface Recovered {
  /** First instance that is not known to be closed. */
  readonly open: InstanceId;
  readonly vote: OwnVote | null;
  /** As in ReplicaStart. */
  readonly votesFrom: InstanceId | null;
  /** Why votesFrom is null; null when it is not. */
  readonly lostVote: string | null;
}

export function recover({ last, firstKept, damage, variables }: StoredGroup): Recovered {
  let open = firstKept;
  if (last !== null) open = last.chosen ? last.instance + 1 : last.instance;
  let votesFrom = 0;
  let lostVote: string | null = null;
  for (const { instance, hidesVote, detail } of damage) {
    if (hidesVote) lostVote ??= detail;
    else if (instance !== null && instance < open) {
      open = instance;
      votesFrom = (last?.instance ?? instance) + 1;
    }
  }
  lostVote ??= newerVariable(variables, last?.instance ?? firstKept - 1);
  const votes = last !== null && !last.chosen && last.instance === open;
  return {
    open,
    vote: votes ? { ballot: last.ballot, value: last.value, chain: last.checksum } : null,
    votesFrom: lostVote === null ? votesFrom : null,
    lostVote,
  };
}

/** A variable is written after the record of the instance that set it; without that record the log has lost its end. */
function newerVariable(variables: ReadonlyMap<string, string>, lastRecord: InstanceId): string | null {
  for (const [name, json] of variables) {
    const { version, renewal } = JSON.parse(json) as { version: number; renewal?: number };
    const setBy = renewal ?? version;
    if (setBy > lastRecord) return `variable ${name} was set by instance ${setBy}, and the log ends at ${lastRecord}`;
  }
  return null;
}
