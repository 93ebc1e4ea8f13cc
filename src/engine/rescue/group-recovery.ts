// A group whose quorum is lost for ever, made to go on alone from what one of its nodes holds. Its log is kept, a vote that nobody
// closed is closed (it may have been acknowledged), and one more record is appended: the membership from then on is this
// node alone, under a gid that nobody else has, so that whoever was left behind can never join or be joined by accident.
//
// It plans; writing is one commit, which the caller makes. It refuses where this node does not hold the state. What other
// nodes had acknowledged and this one never got cannot be known here, and is lost.
import { type Ballot, compareBallots } from '../../core/ballot.js';
import { CHAIN_START } from '../../core/chain.js';
import type { RecordWrite } from '../../core/effects.js';
import type { GroupId, InstanceId, NodeId, StoreId } from '../../core/ids.js';
import { invariant } from '../../core/invariant.js';
import { type Membership, memberOf } from '../../core/membership.js';
import type { MembershipChange } from '../../core/membership-change.js';
import { MEMBERSHIP, packBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import { readReservedRow } from '../../machines/group-snapshot.js';
import { membershipAfter } from '../../machines/membership-machine.js';
import { SnapshotDamaged } from '../../machines/sections.js';
import { CHECKPOINT_VARIABLE, type Checkpoint, checkpointOf, readBlocks } from '../checkpoints/checkpoint.js';
import { chainOf } from '../log/checksum.js';
import { recover } from '../log/recovery.js';
import type { LogRecord, StoredGroup, StoreWrite } from '../log-store.js';
import type { StoreView } from './store-reader.js';

/** The variable that says since when the group is another cluster: what stands before is not taught, it comes as a checkpoint. */
export const RECOVERED_VARIABLE = 'recovered';

const MEMBERSHIP_VARIABLE = 'membership';
const READ_RECORDS = 1000;
const READ_BYTES = 4 * 1024 * 1024;

export class NotRecoverable extends Error {
  override readonly name = 'NotRecoverable';
}

export interface RecoveryOptions {
  readonly self: NodeId;
  readonly storeId: StoreId;
  /** Where this node is to be reached from now on; null: where it was. */
  readonly url: string | null;
  readonly newGid: string;
  /** Wall clock, ISO 8601, for people. */
  readonly at: string;
}

export interface GroupRecovery {
  readonly group: GroupId;
  readonly before: Membership;
  readonly after: Membership;
  /** The last instance that this node knew to be chosen. */
  readonly lastChosen: InstanceId;
  /** Where a vote stood that nobody had closed; null: none did. */
  readonly closes: InstanceId | null;
  /** Why more may be lost than what never came here. */
  readonly warnings: readonly string[];
  readonly writes: readonly StoreWrite[];
}

/** The end of a log: what the next record stands on. */
interface End {
  /** The next instance. */
  readonly next: InstanceId;
  readonly chain: number;
  readonly membership: Membership;
}

/** null: there is nothing to do, because the group was never founded or has no other member. Throws NotRecoverable. */
export async function planRecovery(
  store: StoreView,
  group: GroupId,
  options: RecoveryOptions,
): Promise<GroupRecovery | null> {
  const { self, storeId } = options;
  const found = await readEnd(store, group);
  const { stored, lostVote, vote } = found;
  const lastChosen = found.end.next - 1;
  const closing: RecordWrite[] = vote === null ? [] : [{ ...vote, type: 'record', chosen: true }];
  const end = closing.reduce(closed, found.end);
  const before = end.membership;
  if (before.gid === null) return null;
  const member = memberOf(before, self);
  if (member === undefined)
    throw new NotRecoverable(`${group}: ${self} is not among the members that this store knows`);
  if (before.members.length === 1 && member.role === 'voter' && member.store === storeId) return null;

  const { newGid } = options;
  const ballot = { round: highestRound(stored) + 1, node: self };
  const alone = { id: self, url: options.url ?? member.url, role: 'voter', store: storeId } as const;
  const order = { op: 'recover', gid: before.gid, expects: before.version, newGid, member: alone } as const;
  // An origin that no start of any node has: nothing that was ever proposed is taken for it.
  const record = recordOf(order, `${self}~recovered.${newGid}$`, end, ballot);
  const { membership: after } = closed(end, record);
  invariant(after.gid === newGid && after.version === end.next, 'one-membership', () => `${group} was not recovered`);
  const writes: StoreWrite[] = [
    ...beginning(stored, found.end.next),
    ...closing,
    { type: 'promise', ballot },
    record,
    variable(MEMBERSHIP_VARIABLE, after),
    ...notBeyond(stored, end.next),
    variable(RECOVERED_VARIABLE, { version: end.next, gid: newGid, from: before.gid, at: options.at }),
  ];
  const warnings = [
    ...(lostVote === null ? [] : [`${lostVote}: an acknowledged instance after ${lastChosen} may be missing here`]),
    ...(member.role === 'voter' ? [] : [`${self} is a ${member.role}: it need not have what was acknowledged`]),
    ...(member.store === storeId || member.store === null
      ? []
      : [`${self} waits to be re-admitted: it may have forgotten votes`]),
  ];
  return { group, before, after, lastChosen, closes: vote === null ? null : vote.instance, warnings, writes };
}

interface Found {
  readonly stored: StoredGroup;
  readonly end: End;
  readonly vote: LogRecord | null;
  readonly lostVote: string | null;
}

async function readEnd(store: StoreView, group: GroupId): Promise<Found> {
  const checkpoint = checkpointOf(await store.variables(group));
  const membership = checkpoint === null ? null : await membershipIn(store, group, checkpoint);
  const base = membership === null ? null : checkpoint;
  const stored = await store.load(group, base === null ? 0 : base.instance + 1);
  const { last, firstKept } = stored;
  const { open, lostVote } = recover(stored, base);
  if (base === null && firstKept > 0) {
    throw new NotRecoverable(
      `${group}: what instances below ${firstKept} did is lost here: there is no checkpoint to be read`,
    );
  }
  const known = last === null ? open : last.instance + (last.chosen ? 1 : 0);
  if (open < known) throw new NotRecoverable(`${group}: instance ${open} is damaged or missing here`);
  const from = base === null ? 0 : base.instance + 1;
  const start = { next: from, chain: base?.chain ?? CHAIN_START, membership: membership ?? NOBODY };
  const end = await replay(store, group, start, open);
  const vote = last !== null && !last.chosen && last.instance === open ? last : null;
  if (vote !== null && vote.checksum !== chainOf(end.chain, open, vote.value)) {
    throw new NotRecoverable(`${group}: the vote at instance ${open} does not fit the log`);
  }
  return { stored, end, vote, lostVote };
}

const NOBODY: Membership = { gid: null, version: -1, members: [] };

/** null: the checkpoint is damaged. */
async function membershipIn(store: StoreView, group: GroupId, checkpoint: Checkpoint): Promise<Membership | null> {
  try {
    return (await readReservedRow(readBlocks(store, group, checkpoint.name, checkpoint), MEMBERSHIP)) as Membership;
  } catch (error) {
    if (error instanceof SnapshotDamaged) return null;
    throw error;
  }
}

async function replay(store: StoreView, group: GroupId, start: End, open: InstanceId): Promise<End> {
  let end = start;
  while (end.next < open) {
    const records = await store.read(group, end.next, Math.min(READ_RECORDS, open - end.next), READ_BYTES);
    if (records.length === 0) throw new NotRecoverable(`${group}: instance ${end.next} cannot be read`);
    for (const record of records) {
      if (record.checksum !== chainOf(end.chain, record.instance, record.value)) {
        throw new NotRecoverable(`${group}: instance ${record.instance} does not fit the ones before it`);
      }
      end = closed(end, record);
    }
  }
  return end;
}

function closed(
  { membership }: End,
  { instance, value, checksum }: Pick<LogRecord, 'instance' | 'value' | 'checksum'>,
): End {
  return { next: instance + 1, chain: checksum, membership: membershipAfter(membership, instance, value) };
}

function recordOf(order: MembershipChange, origin: string, { next, chain }: End, ballot: Ballot): RecordWrite {
  const bytes = Buffer.from(JSON.stringify(order));
  const id = { origin, sequence: 0 };
  const command: Command = { id, machine: MEMBERSHIP, encoding: 'json', bytes, key: null, ifMaster: null };
  const value = { id: `${origin}/0`, bytes: packBatch([command]) };
  return { type: 'record', instance: next, ballot, chosen: true, checksum: chainOf(chain, next, value), value };
}

function highestRound({ promised, last }: StoredGroup): number {
  if (last === null || compareBallots(promised, last.ballot) >= 0) return promised.round;
  return last.ballot.round;
}

/** Where the log has lost its end and a checkpoint reaches further, it goes on behind that. */
function beginning({ last, firstKept }: StoredGroup, next: InstanceId): StoreWrite[] {
  return (last?.instance ?? firstKept - 1) < next - 1 ? [{ type: 'begin', instance: next }] : [];
}

/** A variable set by an instance that is lost would say at every start that the log has lost its end. */
function notBeyond({ variables }: StoredGroup, instance: InstanceId): StoreWrite[] {
  return [...variables].flatMap(([name, json]) => {
    if (name === CHECKPOINT_VARIABLE || name === MEMBERSHIP_VARIABLE) return [];
    const state = JSON.parse(json) as { version: number; renewal?: number };
    if (Math.max(state.version, state.renewal ?? -1) <= instance) return [];
    return [variable(name, { ...state, node: null, version: instance, renewal: instance })];
  });
}

function variable(name: string, value: unknown): StoreWrite {
  return { type: 'variable', name, json: JSON.stringify(value) };
}
