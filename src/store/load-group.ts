// One group as its store holds it: the rows judged against the group's book, and the book corrected by what was found.
// The log is streamed; of all values only the newest good one is kept. Where the caller vouches for old records, because a
// checkpoint holds what they did, only the newer ones are looked at: the others are judged when they are read.
import { maxBallot, NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId } from '../core/ids.js';
import type { Damage, StoredGroup } from '../engine/log-store.js';
import type { GroupBook } from './group-book.js';
import { recordKey, variableKey } from './keys.js';
import type { Ledger } from './ledger.js';
import { LogCheck } from './log-check.js';
import { decodeRecord, decodeVariable, seeRecord } from './record.js';
import { claimedCrc } from './row-buffer.js';

export type LogRow = readonly [instance: InstanceId, row: Buffer];
export type NamedRow = readonly [name: string, row: Buffer];

/** Gives a group's rows from an instance on, those beyond its book too, in ascending order and in chunks. */
export type RowsFrom = (from: InstanceId) => AsyncIterable<readonly LogRow[]>;

/** `from`: the first record that must be checked. The newest is, whatever it says. */
export async function loadGroup(
  ledger: Ledger,
  group: GroupId,
  from: InstanceId,
  rowsFrom: RowsFrom,
  variables: readonly NamedRow[],
): Promise<StoredGroup> {
  const book = ledger.book(group);
  if (book === undefined) {
    const doubt = ledger.doubtOfUnknown;
    const damage = doubt === null ? [] : [lost(doubt)];
    return { promised: NO_BALLOT, firstKept: 0, last: null, variables: new Map(), damage };
  }
  const checkedFrom = book.known ? Math.max(book.first, Math.min(from, book.last)) : 0;
  const { check, last } = await checkLog(book, checkedFrom, rowsFrom(checkedFrom));
  const damage: Damage[] = [...check.damage];
  if (book.voteLost !== null && !damage.some((found) => found.hidesVote)) damage.push(lost(book.voteLost));
  book.voteLost = damage.find((found) => found.hidesVote)?.detail ?? null;
  book.dropped = check.dropped;
  book.checkedFrom = checkedFrom;
  book.known = true;
  return {
    promised: book.promised,
    firstKept: book.first,
    last: last === null ? null : decodeRecord(recordKey(book.prefix, last[0]), last[0], last[1]),
    variables: decodeVariables(group, variables),
    damage,
  };
}

async function checkLog(
  book: GroupBook,
  from: InstanceId,
  log: AsyncIterable<readonly LogRow[]>,
): Promise<{ check: LogCheck; last: LogRow | null }> {
  const check = new LogCheck(book.known ? { first: from, last: book.last, lastCrc: book.lastCrc } : null);
  let lowest: InstanceId | null = null;
  let last: LogRow | null = null;
  for await (const rows of log) {
    for (const entry of rows) {
      const [instance, row] = entry;
      const place = recordKey(book.prefix, instance);
      lowest ??= instance;
      check.see(instance, seeRecord(place, row));
      if (check.lastGood === instance) last = entry;
      // The promise is lost with its row; the ballots of the records are the least it can have been.
      if (!book.known)
        book.promised = maxBallot(book.promised, decodeRecord(place, instance, row)?.ballot ?? NO_BALLOT);
    }
  }
  check.finish();
  if (!book.known) {
    book.first = lowest ?? 0;
    book.last = check.lastGood ?? book.first - 1;
    book.lastCrc = last === null ? 0 : claimedCrc(last[1]);
    book.lastLink = null;
  }
  return { check, last };
}

/** Those whose checksum holds. */
export function decodeVariables(group: GroupId, rows: readonly NamedRow[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, row] of rows) {
    const json = decodeVariable(variableKey(group, name), row);
    if (json !== null) variables.set(name, json);
  }
  return variables;
}

function lost(detail: string): Damage {
  return { instance: null, hidesVote: true, detail };
}
