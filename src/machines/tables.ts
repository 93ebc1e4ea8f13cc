// What is replicated about a group beside its machines: which commands were executed, the answers to idempotency keys, why
// chosen commands changed nothing, the group's time, and whether anybody has used it yet. All of it is a function of the log.
// It stands in snapshots as lines of JSON.
import type { InstanceId, Millis } from '../core/ids.js';
import { IdempotencyTable, type KeyEntry } from './idempotency.js';
import { readLines, writeLines } from './json-lines.js';
import { Once, type OnceRow } from './once.js';

type ReasonsRow = readonly [instance: InstanceId, reasons: readonly (readonly [index: number, reason: string])[]];

type Row =
  | { readonly timeMs: Millis; readonly used: boolean }
  | { readonly once: OnceRow }
  | { readonly key: KeyEntry }
  | { readonly reasons: ReasonsRow };

export class Tables {
  /** Which commands were executed. */
  once = new Once();
  keys = new IdempotencyTable();
  /** The group's time as of the last instance. */
  timeMs: Millis = 0;
  /** A command of somebody's own was executed: the group holds more than its system's facts. */
  used = false;
  /** Reasons of the commands that were chosen and not applied, by instance and index. Empty for most instances. */
  readonly #notApplied = new Map<InstanceId, Map<number, string>>();

  note(instance: InstanceId, index: number, reason: string): void {
    const reasons = this.#notApplied.get(instance) ?? new Map<number, string>();
    reasons.set(index, reason);
    this.#notApplied.set(instance, reasons);
  }

  /** Why the command at this place changed nothing; undefined: it was applied. */
  notApplied(instance: InstanceId, index: number): string | undefined {
    return this.#notApplied.get(instance)?.get(index);
  }

  /** The log no longer holds what is below: nobody will ask why. */
  forgetBelow(instance: InstanceId): void {
    for (const noted of this.#notApplied.keys()) {
      if (noted >= instance) break;
      this.#notApplied.delete(noted);
    }
  }

  /** As it is at the call, to be written out later. */
  capture(): Iterable<Uint8Array> {
    const head: Row = { timeMs: this.timeMs, used: this.used };
    const once = this.once.rows();
    const keys = this.keys.entries();
    const reasons = Array.from(this.#notApplied, ([instance, noted]): ReasonsRow => [instance, [...noted]]);
    return writeLines(
      (function* (): Generator<Row> {
        yield head;
        for (const row of once) yield { once: row };
        for (const entry of keys) yield { key: entry };
        for (const row of reasons) yield { reasons: row };
      })(),
    );
  }

  static async read(parts: AsyncIterable<Uint8Array>): Promise<Tables> {
    const tables = new Tables();
    const once: OnceRow[] = [];
    const keys: KeyEntry[] = [];
    for await (const row of readLines<Row>(parts)) {
      if ('timeMs' in row) {
        tables.timeMs = row.timeMs;
        tables.used = row.used;
      } else if ('once' in row) once.push(row.once);
      else if ('key' in row) keys.push(row.key);
      else for (const [index, reason] of row.reasons[1]) tables.note(row.reasons[0], index, reason);
    }
    tables.once = Once.of(once);
    tables.keys = IdempotencyTable.of(keys);
    return tables;
  }
}
