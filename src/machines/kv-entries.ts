// The entries of the machine `kv`: found by key at once, listed in the order of their keys, and ended when their time comes.
// An entry is never changed, only replaced, so a copy of the references is a copy of the state.
import { crc32 } from 'node:zlib';
import type { Millis } from '../core/ids.js';
import type { Encoding } from './command.js';
import { ExpiryQueue } from './expiry-queue.js';
import { KeyOrder } from './key-order.js';

export interface KvEntry {
  readonly key: string;
  /** Names the write that put it there. */
  readonly etag: string;
  readonly contentType: string;
  readonly encoding: Encoding;
  /** JSON text, the text itself, or base64: as `encoding` says. */
  readonly text: string;
  /** The group's time; null: it stays. */
  readonly expiresAtMs: Millis | null;
}

interface Held {
  readonly entry: KvEntry;
  readonly sum: number;
}

export class KvEntries {
  readonly #held = new Map<string, Held>();
  readonly #order = new KeyOrder();
  readonly #ends = new ExpiryQueue();
  #sum = 0;

  /** Of all entries, in whatever order they came. */
  get sum(): number {
    return this.#sum;
  }

  get soonestEndMs(): Millis | null {
    return this.#ends.soonestMs;
  }

  get(key: string): KvEntry | undefined {
    return this.#held.get(key)?.entry;
  }

  put(entry: KvEntry): void {
    const { key } = entry;
    const known = this.#held.get(key);
    if (known === undefined) this.#order.add(key);
    const sum = crc32(JSON.stringify(entry));
    this.#held.set(key, { entry, sum });
    this.#ends.set(key, entry.expiresAtMs);
    this.#sum = (this.#sum + sum - (known?.sum ?? 0)) >>> 0;
  }

  /** The key must be there. */
  remove(key: string): void {
    this.#sum = (this.#sum - (this.#held.get(key)?.sum ?? 0)) >>> 0;
    this.#held.delete(key);
    this.#order.remove(key);
    this.#ends.set(key, null);
  }

  end(timeMs: Millis): void {
    for (let key = this.#ends.takeEnded(timeMs); key !== null; key = this.#ends.takeEnded(timeMs)) this.remove(key);
  }

  /** In the order of their keys, from the first that is not before `start`. */
  *from(start: string): Generator<KvEntry> {
    for (const key of this.#order.from(start)) {
      const held = this.#held.get(key);
      if (held !== undefined) yield held.entry;
    }
  }

  /** All of them as they are now. */
  capture(): readonly KvEntry[] {
    return Array.from(this.#held.values(), ({ entry }) => entry);
  }
}
