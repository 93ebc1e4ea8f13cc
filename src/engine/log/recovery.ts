// From what a store holds to where a replica starts. Whatever the check at load found wrong is judged here by one question:
// may a promise or a vote be missing? If so the replica learns and serves but never votes again until it is re-admitted.
// A closed instance that is missing is learned again, and voting waits until that is done; below a checkpoint it is not missed.
// Who decides the open instance stands in the log, whether its machines have come that far or not.

import type { OwnVote } from '../../core/acceptor.js';
import type { GroupId, InstanceId } from '../../core/ids.js';
import type { Membership } from '../../core/membership.js';
import { membershipAfter } from '../../machines/membership-machine.js';
import { CHECKPOINT_VARIABLE, type Checkpoint } from '../checkpoints/checkpoint.js';
import { StoreUnusable } from '../errors.js';
import type { LogStore, StoredGroup } from '../log-store.js';

const READ_ENTRIES = 1000;
const READ_BYTES = 4 * 1024 * 1024;

export interface Recovered {
  /** First instance that is not known to be closed. */
  readonly open: InstanceId;
  /** First instance of the log that can be read. */
  readonly keptFrom: InstanceId;
  readonly vote: OwnVote | null;
  /** As in ReplicaStart. */
  readonly votesFrom: InstanceId | null;
  /** Why votesFrom is null; null when it is not. */
  readonly lostVote: string | null;
}

/** `base`: the checkpoint that the state was restored from; null: none. */
export function recover(stored: StoredGroup, base: Checkpoint | null): Recovered {
  const { last, firstKept, damage, variables } = stored;
  const end = (last?.instance ?? firstKept - 1) + 1;
  let open = firstKept;
  let keptFrom = firstKept;
  let votesFrom = 0;
  if (last !== null) open = last.chosen ? last.instance + 1 : last.instance;
  if (base === null && firstKept > 0) {
    // The state of what is trimmed is lost: all of it must come from a peer, before a vote beyond it means anything.
    open = 0;
    keptFrom = 0;
    votesFrom = end;
  }
  if (base !== null) open = Math.max(open, base.instance + 1);
  let lostVote: string | null = null;
  for (const { instance, through, hidesVote, detail } of damage) {
    if (hidesVote) lostVote ??= detail;
    else if (instance !== null && base !== null && instance <= base.instance) {
      keptFrom = Math.max(keptFrom, Math.min(through ?? instance, base.instance) + 1);
    }
    // Of a run of missing instances, only what lies beyond the checkpoint is missed.
    const missed = base === null ? instance : Math.max(instance ?? 0, base.instance + 1);
    const isMissed = !hidesVote && instance !== null && (base === null || (through ?? instance) > base.instance);
    if (isMissed && missed !== null && missed < open) {
      open = missed;
      votesFrom = end;
    }
  }
  lostVote ??= newerVariable(variables, Math.max(end - 1, base?.instance ?? -1));
  const votes = last !== null && !last.chosen && last.instance === open;
  return {
    open,
    keptFrom,
    vote: votes ? { ballot: last.ballot, value: last.value, chain: last.checksum } : null,
    votesFrom: lostVote === null ? votesFrom : null,
    lostVote,
  };
}

/**
 * Who decides the instance `open`, given who decides `from`. Where a machine has thrown, the log goes further than what was
 * applied: votes counted under the members as applied would be those of a quorum of long ago.
 */
export async function decidingAt(
  open: InstanceId,
  from: InstanceId,
  before: Membership,
  store: Pick<LogStore, 'read'>,
  group: GroupId,
): Promise<Membership> {
  let membership = before;
  for (let at = from; at < open; ) {
    const records = await store.read(group, at, Math.min(READ_ENTRIES, open - at), READ_BYTES);
    if (records.length === 0) throw new StoreUnusable(`group ${group}: the store has lost instance ${at}`);
    for (const { instance, value } of records) membership = membershipAfter(membership, instance, value);
    at += records.length;
  }
  return membership;
}

/** A variable is written after the record of the instance that set it; without that record the log has lost its end. */
function newerVariable(variables: ReadonlyMap<string, string>, lastRecord: InstanceId): string | null {
  for (const [name, json] of variables) {
    if (name === CHECKPOINT_VARIABLE) continue;
    const { version, renewal } = JSON.parse(json) as { version: number; renewal?: number };
    const setBy = renewal ?? version;
    if (setBy > lastRecord) return `variable ${name} was set by instance ${setBy}, and the log ends at ${lastRecord}`;
  }
  return null;
}

/** The instance that set a variable; -1: there is none. */
export function versionOf(json: string | undefined): InstanceId {
  return json === undefined ? -1 : (JSON.parse(json) as { version: InstanceId }).version;
}

/** The gid in the stored membership; null: none yet. */
export function gidOf(membershipJson: string | undefined): string | null {
  return membershipJson === undefined ? null : (JSON.parse(membershipJson) as Membership).gid;
}
