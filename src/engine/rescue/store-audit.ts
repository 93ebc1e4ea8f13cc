// What a store holds, for people: a group's place in the world, its instances, and whether all of it is sound. Sound means that
// every record and block is as it was written, that the chain of checksums holds from end to end, and that checkpoint and log
// fit together. It reads only, and decides nothing; what a node makes of damage is recovery.ts.
import { CHAIN_START } from '../../core/chain.js';
import type { GroupId, InstanceId } from '../../core/ids.js';
import type { Membership } from '../../core/membership.js';
import { BatchError, unpackBatch } from '../../machines/batch.js';
import { readSections, SnapshotDamaged } from '../../machines/sections.js';
import { type Checkpoint, checkpointOf, readBlocks, viewOf } from '../checkpoints/checkpoint.js';
import { chainOf } from '../log/checksum.js';
import { viewInstance } from '../log/instance-view.js';
import { recover } from '../log/recovery.js';
import type { LogRecord, StoredGroup } from '../log-store.js';
import type { CheckpointView, InstanceView } from '../views.js';
import type { StoreView } from './store-reader.js';

const READ_RECORDS = 1000;
const READ_BYTES = 4 * 1024 * 1024;

export interface GroupReport {
  readonly group: GroupId;
  /** As the variable says; the log may know better. null: not founded. */
  readonly membership: Membership | null;
  readonly promised: { readonly round: number; readonly node: string };
  /** Instances of the log; none when last is first - 1. */
  readonly firstKept: InstanceId;
  readonly lastChosen: InstanceId;
  /** The instance that was voted for and not closed; null: none. */
  readonly vote: InstanceId | null;
  readonly checkpoint: CheckpointView | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

export async function reportOf(store: StoreView, group: GroupId): Promise<GroupReport> {
  const { promised, firstKept, last, variables } = await store.load(group, Number.MAX_SAFE_INTEGER);
  const checkpoint = checkpointOf(variables);
  const texts = [...variables].map(([name, json]) => [name, JSON.parse(json) as unknown] as const);
  const ended = last === null ? Math.max(firstKept - 1, checkpoint?.instance ?? -1) : last.instance;
  return {
    group,
    membership: (new Map(texts).get('membership') as Membership | undefined) ?? null,
    promised,
    firstKept,
    lastChosen: last?.chosen === false ? ended - 1 : ended,
    vote: last?.chosen === false ? last.instance : null,
    checkpoint: checkpoint === null ? null : viewOf(checkpoint),
    variables: Object.fromEntries(texts),
  };
}

/** From the first that is kept, when `from` is below. Ends where the log does, or cannot be read. */
export async function* instancesOf(
  store: StoreView,
  group: GroupId,
  from: InstanceId,
  limit: number,
): AsyncGenerator<InstanceView> {
  const { firstKept } = await store.load(group, Number.MAX_SAFE_INTEGER);
  let next = Math.max(from, firstKept);
  const end = next + limit;
  while (next < end) {
    const records = await store.read(group, next, Math.min(READ_RECORDS, end - next), READ_BYTES);
    if (records.length === 0) return;
    for (const { instance, value, ballot, checksum } of records) {
      yield viewInstance({ instance, value, ballot, chain: checksum }, () => undefined);
    }
    next += records.length;
  }
}

/** Everything that is wrong with a group, one sentence each; empty: it is sound. */
export async function damageOf(store: StoreView, group: GroupId): Promise<readonly string[]> {
  const found: string[] = [];
  const stored = await store.load(group, 0);
  const checkpoint = checkpointOf(stored.variables);
  if (checkpoint !== null) found.push(...(await damageOfCheckpoint(store, group, checkpoint)));
  const base = found.length === 0 ? checkpoint : null;
  for (const { instance, detail } of stored.damage)
    found.push(instance === null ? detail : `at ${instance}: ${detail}`);
  const { lostVote } = recover(stored, base);
  if (lostVote !== null && !stored.damage.some(({ detail }) => detail === lostVote)) found.push(lostVote);
  if ((checkpoint?.instance ?? -1) + 1 < stored.firstKept) {
    found.push(`the log begins at ${stored.firstKept}, and no checkpoint holds what was before`);
  }
  found.push(...(await damageOfChain(store, group, stored, checkpoint)));
  return found;
}

async function damageOfCheckpoint(store: StoreView, group: GroupId, checkpoint: Checkpoint): Promise<string[]> {
  try {
    for await (const _ of readSections(readBlocks(store, group, checkpoint.name, checkpoint)));
    return [];
  } catch (error) {
    if (error instanceof SnapshotDamaged) return [`checkpoint ${checkpoint.instance}: ${error.message}`];
    throw error;
  }
}

/** What cannot be read at all is in the damage of the load already: the chain is taken up behind it. */
async function damageOfChain(
  store: StoreView,
  group: GroupId,
  { firstKept, last, damage }: StoredGroup,
  checkpoint: Checkpoint | null,
): Promise<string[]> {
  const found: string[] = [];
  let chain = firstKept === 0 ? CHAIN_START : checkpoint?.instance === firstKept - 1 ? checkpoint.chain : null;
  for (let next = firstKept; last !== null && next <= last.instance; ) {
    const records = await store.read(group, next, READ_RECORDS, READ_BYTES);
    if (records.length === 0) {
      const known = damage.find(
        ({ instance, through }) => instance !== null && instance <= next && (through ?? instance) >= next,
      );
      if (known === undefined) found.push(`at ${next}: the record cannot be read`);
      next = (known?.through ?? next) + 1;
      chain = null;
      continue;
    }
    for (const record of records) {
      found.push(...damageOfRecord(record, chain, checkpoint));
      chain = record.checksum;
    }
    next += records.length;
  }
  return found;
}

function damageOfRecord(
  { instance, value, checksum }: LogRecord,
  chain: number | null,
  checkpoint: Checkpoint | null,
): string[] {
  const found: string[] = [];
  if (chain !== null && chainOf(chain, instance, value) !== checksum) {
    found.push(`at ${instance}: the checksum does not follow from the instance before and the value`);
  }
  if (checkpoint?.instance === instance && checkpoint.chain !== checksum) {
    found.push(`at ${instance}: the checkpoint was taken of another log`);
  }
  try {
    unpackBatch(value.bytes);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    found.push(`at ${instance}: the value cannot be read: ${error.message}`);
  }
  return found;
}
