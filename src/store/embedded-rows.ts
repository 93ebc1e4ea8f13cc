// Reading rows out of LevelDB: the few that are read whole at open, and a group's log as a stream. A block that LevelDB
// cannot decode ends an iterator with an error; the log is then read on behind it, so that the check at load finds a hole
// and not an end.
import type { ClassicLevel } from 'classic-level';
import type { GroupId, InstanceId } from '../core/ids.js';
import { afterPrefix, groupKey, logPrefix, parseKey, recordKey, variableKey } from './keys.js';
import type { FoundRows } from './ledger.js';
import type { LogRow } from './load-group.js';

export type Level = ClassicLevel<Buffer, Buffer>;

const ROWS_MAX = 4096;
const READ_AHEAD_BYTES = 1024 * 1024;

/** Group and variable rows of one group, or of all with the groups that have log rows. */
export async function levelRows(db: Level, only: GroupId | null): Promise<Omit<FoundRows, 'head'>> {
  const groups = new Map<GroupId, Buffer>();
  const variables: { group: GroupId; name: string; row: Buffer }[] = [];
  const [groupRange, variableRange] =
    only === null ? [Buffer.from('g'), Buffer.from('v')] : [groupKey(only), variableKey(only, '')];
  for (const range of [groupRange, variableRange]) {
    for await (const [key, row] of db.iterator({ gte: range, lt: afterPrefix(range) })) {
      const parsed = parseKey(key);
      if (parsed?.kind === 'group') groups.set(parsed.group, row);
      else if (parsed?.kind === 'variable') variables.push({ group: parsed.group, name: parsed.name, row });
    }
  }
  return { groups, variables, logs: only === null ? await groupsWithLog(db) : new Set() };
}

/** The log rows from `from` to `last`, or to the end of what is there though the log is known to end at `last`. In chunks. */
export async function* levelLog(
  db: Level,
  prefix: Buffer,
  from: InstanceId,
  last: InstanceId,
  toEnd = false,
): AsyncGenerator<readonly LogRow[]> {
  const end = toEnd ? afterPrefix(prefix) : recordKey(prefix, last + 1);
  let next = from;
  let step = 0;
  for (;;) {
    const iterator = db.iterator({
      gte: recordKey(prefix, next),
      lt: end,
      highWaterMarkBytes: READ_AHEAD_BYTES,
      fillCache: false,
    });
    try {
      for (;;) {
        const entries = await iterator.nextv(ROWS_MAX);
        if (entries.length === 0) return;
        const rows: LogRow[] = [];
        for (const [key, row] of entries) {
          const instance = parseKey(key)?.instance ?? -1;
          if (instance >= next) rows.push([instance, row]);
        }
        next = (rows.at(-1)?.[0] ?? next) + 1;
        yield rows;
      }
    } catch (error) {
      if (!isCorruption(error) || next > last) throw error;
      step = step === 0 ? 1 : step * 2;
      next = Math.min(next + step, last + 1);
    } finally {
      await iterator.close();
    }
  }
}

async function groupsWithLog(db: Level): Promise<Set<GroupId>> {
  const groups = new Set<GroupId>();
  const end = Buffer.from('m');
  let from: Buffer = Buffer.from('l');
  for (;;) {
    const [key] = await db.keys({ gte: from, lt: end, limit: 1 }).all();
    if (key === undefined) return groups;
    const group = parseKey(key)?.group;
    if (group !== undefined) groups.add(group);
    from = group === undefined ? Buffer.concat([key, Buffer.alloc(1)]) : afterPrefix(logPrefix(group));
  }
}

export function isCorruption(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'LEVEL_CORRUPTION';
}
