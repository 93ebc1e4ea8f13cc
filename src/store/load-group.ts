// One group as its store holds it: the rows judged against the group's book, and the book corrected by what was found.
// The log is streamed; of all values only the newest good one is kept.
import { maxBallot, NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId } from '../core/ids.js';
import type { Damage, StoredGroup } from '../engine/ports.js';
import { recordKey, variableKey } from './keys.js';
import type { GroupBook, Ledger } from './ledger.js';
import { LogCheck } from './log-check.js';
import { decodeRecord, decodeVariable, seeRecord } from './record.js';
import { claimedCrc } from './row-buffer.js';

export type LogRow = readonly [instance: InstanceId, row: Buffer];
export type NamedRow = readonly [name: string, row: Buffer];

/** `log`: the group's rows in ascending order, in chunks. */
export async function loadGroup(
  ledger: Ledger,
  group: GroupId,
  log: AsyncIterable<readonly LogRow[]>,
  variables: readonly NamedRow[],
): Promise<StoredGroup> {
  const book = ledger.book(group);
  if (book === undefined) {
    const doubt = ledger.doubtOfUnknown;
    const damage = doubt === null ? [] : [lost(doubt)];
    return { promised: NO_BALLOT, firstKept: 0, last: null, variables: new Map(), damage };
  }
  const { check, last } = await checkLog(book, log);
  const damage: Damage[] = [...check.damage];
  if (book.voteLost !== null && !damage.some((found) => found.hidesVote)) damage.push(lost(book.voteLost));
  book.voteLost = damage.find((found) => found.hidesVote)?.detail ?? null;
  book.dropped = check.dropped;
  book.known = true;
  return {
    promised: book.promised,
    firstKept: check.firstGood ?? 0,
    last: last === null ? null : decodeRecord(recordKey(book.prefix, last[0]), last[0], Buffer.from(last[1])),
    variables: decodeAll(group, variables),
    damage,
  };
}

async function checkLog(
  book: GroupBook,
  log: AsyncIterable<readonly LogRow[]>,
): Promise<{ check: LogCheck; last: LogRow | null }> {
  const check = new LogCheck(book.known ? { first: book.first, last: book.last, lastCrc: book.lastCrc } : null);
  let last: LogRow | null = null;
  for await (const rows of log) {
    for (const entry of rows) {
      const [instance, row] = entry;
      const place = recordKey(book.prefix, instance);
      check.see(instance, seeRecord(place, row));
      if (check.lastGood === instance) last = entry;
      // The promise is lost with its row; the ballots of the records are the least it can have been.
      if (!book.known)
        book.promised = maxBallot(book.promised, decodeRecord(place, instance, row)?.ballot ?? NO_BALLOT);
    }
  }
  check.finish();
  if (!book.known) {
    book.first = check.firstGood ?? 0;
    book.last = check.lastGood ?? book.first - 1;
    book.lastCrc = last === null ? 0 : claimedCrc(last[1]);
    book.lastLink = null;
  }
  return { check, last };
}

function decodeAll(group: GroupId, rows: readonly NamedRow[]): Map<string, string> {
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
