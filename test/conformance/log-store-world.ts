// What the suite of the LogStore port needs of an adapter, and the small things its tests are written with. `medium` makes a
// place that outlives processes, `store` starts another process' worth of store on it.
import type { Ballot } from '../../src/core/ballot.js';
import type { RecordWrite } from '../../src/core/effects.js';
import type { InstanceId } from '../../src/core/ids.js';
import type { GroupWrites, LogStore } from '../../src/engine/log-store.js';

/** One place where facts live. `store()` is a new process' view of it, not yet open. */
export interface Medium {
  store(): LogStore;
  /** Garbles a byte of the record, or of the promise register, of a medium that no store has open. */
  flipRecord(group: string, instance: InstanceId): Promise<void>;
  flipPromise(group: string): Promise<void>;
  /** Takes the record away without a trace. */
  loseRecord(group: string, instance: InstanceId): Promise<void>;
  /** The same for a block of a checkpoint. */
  flipBlock(group: string, name: string, index: number): Promise<void>;
  loseBlock(group: string, name: string, index: number): Promise<void>;
  /** Bytes on the medium that blocks of checkpoints take. */
  blockBytes(): Promise<number>;
  /** Records of the group on the medium, those too that no read gives any more. */
  rows(group: string): Promise<number>;
  destroy(): Promise<void>;
}

export interface LogStoreHarness {
  readonly name: string;
  medium(): Promise<Medium>;
  /** What a second open does while the first is open: fence the first, or be refused itself. */
  readonly secondOpen: 'fences' | 'refused';
}

export function ballot(round: number, node = 'a'): Ballot {
  return { round, node };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function record(instance: InstanceId, text: string, more: Partial<RecordWrite> = {}): RecordWrite {
  const value = { id: `a~1/${instance}`, bytes: bytesOf(text) };
  return { type: 'record', instance, ballot: ballot(1), chosen: false, checksum: instance * 7, value, ...more };
}

export function records(from: InstanceId, to: InstanceId): RecordWrite[] {
  return Array.from({ length: to - from + 1 }, (_, index) => record(from + index, `value ${from + index}`));
}

export function one(group: string, ...writes: GroupWrites['writes']): GroupWrites[] {
  return [{ group, writes }];
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** All value texts from `from` on. */
export async function textsOf(store: LogStore, group: string, from = 0, limit = 1000): Promise<string[]> {
  const found = await store.read(group, from, limit, Number.MAX_SAFE_INTEGER);
  return found.map((entry) => textOf(entry.value.bytes));
}

/** The media and stores of one suite, let go at its end. */
export class StoreWorld {
  readonly #harness: LogStoreHarness;
  readonly #media: Medium[] = [];
  readonly #stores: LogStore[] = [];

  constructor(harness: LogStoreHarness) {
    this.#harness = harness;
  }

  async medium(): Promise<Medium> {
    const medium = await this.#harness.medium();
    this.#media.push(medium);
    return medium;
  }

  async opened(medium: Medium): Promise<LogStore> {
    const store = medium.store();
    this.mind(store);
    await store.open();
    return store;
  }

  /** Ends this process' view and starts the next one. */
  async restarted(store: LogStore, medium: Medium): Promise<LogStore> {
    await store.close();
    return this.opened(medium);
  }

  /** Closes it at the end, whatever becomes of it. */
  mind(store: LogStore): void {
    this.#stores.push(store);
  }

  async end(): Promise<void> {
    for (const store of this.#stores) await store.close();
    for (const medium of this.#media) await medium.destroy();
  }
}
