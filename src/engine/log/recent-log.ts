// A group's log for reading: the newest entries in memory, older ones from the store. It never lets go of an entry that
// is not yet on this node's disk, so what the store is asked for is always there and always the chosen value.
import type { Entry } from '../../core/effects.js';
import type { GroupId, InstanceId } from '../../core/ids.js';
import { invariant } from '../../core/invariant.js';
import { StoreUnusable } from '../errors.js';
import type { LogRecord, LogStore } from '../log-store.js';

export const RECENT_ENTRIES_MAX = 8192;
export const RECENT_BYTES_MAX = 32 * 1024 * 1024;

export class RecentLog {
  readonly #store: LogStore;
  readonly #group: GroupId;
  #firstKept: InstanceId = 0;
  #unstoredBelow: InstanceId = 0;
  /** Entries of [#first, lastChosen]; slots before #head are let go. */
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  #last: InstanceId = -1;
  #durableThrough: InstanceId = -1;

  constructor(store: LogStore, group: GroupId) {
    this.#store = store;
    this.#group = group;
  }

  /**
   * Before anything else: the store holds everything in [firstKept, open), closed. `unstoredBelow`: it takes nothing below
   * that, because its log begins there; what is learned there all the same, since the state of it is lost, stays in memory.
   */
  begin(firstKept: InstanceId, open: InstanceId, unstoredBelow: InstanceId): void {
    invariant(this.#last === -1, 'in-order', () => `the log begins twice, at ${open} after ${this.#last}`);
    this.#firstKept = firstKept;
    this.#unstoredBelow = unstoredBelow;
    this.#last = open - 1;
    this.#durableThrough = open - 1;
  }

  /** What is below was trimmed, or is about to be. */
  beginsAt(instance: InstanceId): void {
    invariant(instance <= this.#last + 1, 'no-gap', () => `the log begins at ${instance}, and ends at ${this.#last}`);
    this.#firstKept = Math.max(this.#firstKept, instance);
  }

  /** A checkpoint of everything through `instance` took the place of the log, which goes on after it. */
  installed(instance: InstanceId): void {
    this.#firstKept = Math.max(this.#firstKept, instance + 1);
    if (instance <= this.#last) return;
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#last = instance;
    this.#durableThrough = instance;
  }

  get firstKept(): InstanceId {
    return this.#firstKept;
  }

  /** -1 before the first. */
  get lastChosen(): InstanceId {
    return this.#last;
  }

  /** True when the entry is new here; false for one this log holds already (learned again after a store failure). */
  push(entry: Entry): boolean {
    if (entry.instance <= this.#last) {
      const known = this.#at(entry.instance);
      invariant(known === undefined || known.chain === entry.chain, 'stability', () => {
        return `instance ${entry.instance} was ${known?.value.id} and is now ${entry.value.id}`;
      });
      return false;
    }
    invariant(entry.instance === this.#last + 1, 'no-gap', () => `${entry.instance} chosen after ${this.#last}`);
    this.#entries.push(entry);
    this.#bytes += entry.value.bytes.length;
    this.#last = entry.instance;
    this.#evict();
    return true;
  }

  /** All instances up to here are on this node's disk. */
  durable(through: InstanceId): void {
    this.#durableThrough = Math.max(this.#durableThrough, through);
  }

  /**
   * Entries from `from` on, ascending, without holes; empty when `from` is not chosen yet, or not kept any more. At most
   * `limit`, and no more after `bytesMax` bytes of values.
   */
  async read(from: InstanceId, limit: number, bytesMax: number): Promise<readonly Entry[]> {
    if (from > this.#last || from < this.#firstKept) return [];
    const cached = this.#last - (this.#entries.length - this.#head) + 1;
    if (from >= cached) return this.#slice(from, limit, bytesMax);
    const records = await this.#store.read(this.#group, from, Math.min(limit, cached - from), bytesMax);
    if (from < this.#firstKept) return [];
    if (records.length === 0) throw new StoreUnusable(`group ${this.#group}: the store has lost instance ${from}`);
    return records.map(toEntry);
  }

  /** Synchronous look at what is in memory. */
  #at(instance: InstanceId): Entry | undefined {
    const place = this.#entries.length - 1 - (this.#last - instance);
    return place < this.#head ? undefined : this.#entries[place];
  }

  #slice(from: InstanceId, limit: number, bytesMax: number): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let instance = from; instance <= this.#last && found.length < limit && bytes < bytesMax; instance++) {
      const entry = this.#at(instance);
      invariant(entry !== undefined, 'no-gap', () => `instance ${instance} left memory out of order`);
      found.push(entry);
      bytes += entry.value.bytes.length;
    }
    return found;
  }

  #evict(): void {
    for (;;) {
      const oldest = this.#entries[this.#head];
      if (oldest === undefined || oldest.instance > this.#durableThrough) return;
      if (oldest.instance < this.#unstoredBelow && oldest.instance >= this.#firstKept) return;
      if (this.#entries.length - this.#head <= RECENT_ENTRIES_MAX && this.#bytes <= RECENT_BYTES_MAX) return;
      this.#bytes -= oldest.value.bytes.length;
      this.#head++;
      if (this.#head < RECENT_ENTRIES_MAX) continue;
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}

function toEntry(record: LogRecord): Entry {
  return { instance: record.instance, value: record.value, ballot: record.ballot, chain: record.checksum };
}
