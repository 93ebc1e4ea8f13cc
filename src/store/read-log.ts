// Reading records back for use. A row whose checksum fails, or that its group does not count, is never handed out. Below
// the place where the check at load began nobody has compared the rows with each other yet: there each record is judged
// by its successor, which is read with it, so that an older version of a record never passes for the one last written.
import type { InstanceId } from '../core/ids.js';
import type { LogRecord } from '../engine/log-store.js';
import type { GroupBook } from './group-book.js';
import { recordKey } from './keys.js';
import type { LogRow } from './load-group.js';
import type { SeenRecord } from './log-check.js';
import { isOutdated } from './log-check.js';
import { decodeRecord, seeRecord } from './record.js';

/** `rowsOf`: the rows from one instance to another, ascending, in chunks. For the rest see `read` of the port. */
export async function readLog(
  book: GroupBook | undefined,
  from: InstanceId,
  limit: number,
  bytesMax: number,
  rowsOf: (from: InstanceId, last: InstanceId) => AsyncIterable<readonly LogRow[]>,
): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = [];
  if (book === undefined || from < book.first || from > book.last || limit < 1) return found;
  const unjudged = (instance: InstanceId): boolean => instance < book.checkedFrom;
  const last = from + limit - 1;
  let before: SeenRecord | null = null;
  let bytes = 0;
  for await (const rows of rowsOf(from, Math.min(book.last, unjudged(last) ? last + 1 : last))) {
    for (const [instance, row] of rows) {
      if (instance !== from + found.length || book.dropped.has(instance)) return found;
      const place = recordKey(book.prefix, instance);
      if (unjudged(instance - 1)) {
        const seen = seeRecord(place, row);
        if (before !== null && seen !== null && isOutdated(before, seen)) return found.slice(0, -1);
        before = seen;
      }
      if (found.length === limit) return found;
      const record = decodeRecord(place, instance, row);
      if (record === null) return found;
      bytes += record.value.bytes.byteLength;
      if (found.length > 0 && bytes > bytesMax) return found;
      found.push(record);
    }
    if (found.length > 0 && bytes >= bytesMax && !unjudged(from + found.length - 1)) return found;
  }
  return found;
}
