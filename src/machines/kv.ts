// The machine `kv`: values under keys, with ETags to compare and set, and times to live.
//
// ETags: `instanceId.index` names the write that put the value there. A group that was restored from a backup counts its
// instances anew; so that its ETags are never taken for those of the group before, they end with a third number from then
// on: how many restores lie behind. What the backup brought keeps the ETag it had: it is the value of that name.
// Time: an entry ends when a command is applied whose time has come to its end, and not before: all nodes see it go at the
// same place of the log, and no read finds what an earlier read had not found any more. Without a command of its own the
// machine asks for one (`due`).
import type { Millis } from '../core/ids.js';
import type { Command } from './command.js';
import { BadCommand } from './json-command.js';
import { readLines, writeLines } from './json-lines.js';
import { compareKeys } from './key-order.js';
import { type KvCommand, type KvPut, readKvCommand } from './kv-command.js';
import { KvEntries, type KvEntry } from './kv-entries.js';
import type { Applied, ApplyContext, Draft, Rejected, SnapshotSource, StateMachine } from './machine.js';

export type KvQuestion =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'list'; readonly prefix: string; readonly after: string | null; readonly limit: number };

export interface KvPage {
  readonly items: readonly KvEntry[];
  /** The last key of this page when there are more behind it; else null. */
  readonly next: string | null;
}

/** Of a listing; a page of large values ends before its limit. */
const PAGE_CHARACTERS_MAX = 4 * 1024 * 1024;
const MISSING: Rejected = { rejected: 'there is no such key', code: 'key-not-found' };

interface HeadRow {
  readonly restores: number;
}

export class KvMachine implements StateMachine {
  readonly name = 'kv';
  #entries = new KvEntries();
  #restores = 0;

  get dueAtMs(): Millis | null {
    return this.#entries.soonestEndMs;
  }

  due(): Draft {
    return { encoding: 'json', bytes: Buffer.from('{"op":"expire"}') };
  }

  beforePropose(draft: Draft): Draft | Rejected {
    const command = readKvCommand(draft);
    return command instanceof BadCommand ? { rejected: command.message } : draft;
  }

  apply(bytes: Command, context: ApplyContext): Applied {
    this.#entries.end(context.timeMs);
    const command = readKvCommand(bytes);
    if (command instanceof BadCommand) return { rejected: command.message };
    if (command.op === 'expire') return { result: null };
    const present = this.#entries.get(command.key);
    const fault = failed(command, present);
    if (fault !== null) return { rejected: fault, code: 'precondition-failed' };
    const etag = this.#etag(context);
    if (command.op === 'put') {
      this.#entries.put(entryOf(command, etag, context.timeMs));
      return { result: { created: present === undefined, etag } };
    }
    if (present === undefined) return MISSING;
    this.#entries.remove(command.key);
    return { result: { etag } };
  }

  /** `get`: the KvEntry or null; `list`: a KvPage. */
  query(question: unknown): KvEntry | KvPage | null {
    const asked = question as KvQuestion;
    return asked.op === 'get'
      ? (this.#entries.get(asked.key) ?? null)
      : this.#page(asked.prefix, asked.after, asked.limit);
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    const head: HeadRow = { restores: this.#restores };
    const entries = this.#entries.capture();
    yield* writeLines([head]);
    yield* writeLines(entries);
  }

  async restore(parts: AsyncIterable<Uint8Array>, source: SnapshotSource): Promise<() => void> {
    const entries = new KvEntries();
    let restores = source === 'backup' ? 1 : 0;
    for await (const row of readLines<HeadRow | KvEntry>(parts)) {
      if ('restores' in row) restores += row.restores;
      else entries.put(row);
    }
    return () => {
      this.#entries = entries;
      this.#restores = restores;
    };
  }

  digest(): number {
    return (this.#entries.sum + this.#restores) >>> 0;
  }

  #etag({ instance, index }: ApplyContext): string {
    return this.#restores === 0 ? `${instance}.${index}` : `${instance}.${index}.${this.#restores}`;
  }

  #page(prefix: string, after: string | null, limit: number): KvPage {
    const items: KvEntry[] = [];
    let characters = 0;
    for (const entry of this.#entries.from(after !== null && compareKeys(after, prefix) > 0 ? after : prefix)) {
      if (!entry.key.startsWith(prefix)) break;
      if (entry.key === after) continue;
      characters += entry.text.length;
      const last = items.at(-1);
      if (last !== undefined && (items.length === limit || characters > PAGE_CHARACTERS_MAX)) {
        return { items, next: last.key };
      }
      items.push(entry);
    }
    return { items, next: null };
  }
}

/** Which precondition does not hold; null: all do. */
function failed(command: Exclude<KvCommand, { op: 'expire' }>, present: KvEntry | undefined): string | null {
  const { ifMatch } = command;
  if (ifMatch !== null && present === undefined) return 'there is no such key';
  if (ifMatch !== null && ifMatch !== '*' && ifMatch !== present?.etag) return `the ETag is ${present?.etag}`;
  return command.op === 'put' && command.ifNoneMatch && present !== undefined ? 'the key is there already' : null;
}

function entryOf({ key, contentType, encoding, text, ttlMs }: KvPut, etag: string, timeMs: Millis): KvEntry {
  return { key, etag, contentType, encoding, text, expiresAtMs: ttlMs === null ? null : timeMs + ttlMs };
}
