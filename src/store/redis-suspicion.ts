// What in the story of a store that was just read from Redis may mean that acknowledged flushes are missing from its end.
// The ledger is told of it; the notes are for people.
import type { Ledger } from './ledger.js';
import type { RedisServer } from './redis-durability.js';
import type { SystemRows } from './redis-rows.js';

/** `acknowledged`: the flush that this process was last told is durable. */
export function suspect(ledger: Ledger, found: SystemRows, server: RedisServer, acknowledged: number): string[] {
  const notes: string[] = [];
  if (ledger.flush < acknowledged) notes.push('the store forgot acknowledged writes');
  if (found.flush !== String(ledger.flush)) notes.push('the store holds parts of a flush');
  const moved = found.server !== server.runId;
  if (moved && server.wasReplica) {
    notes.push('a replica was promoted to master since this store was last opened: acknowledged writes may be missing');
  }
  for (const note of notes) ledger.doubt(note);
  if (moved) notes.push('the Redis server was restarted since this store was last opened');
  return notes;
}
