// The replicated table of the last idempotency keys. Deterministic: its window is counted in instances and keys, never in
// time. The answer to the first command of a key is kept and given to every repeat; another command under the same key is
// refused. Keys are kept for KEY_INSTANCES instances, at most KEYS_MAX of them, oldest out first.
import { createHash } from 'node:crypto';
import type { InstanceId } from '../core/ids.js';
import type { Command } from './command.js';
import type { CommandOutcome } from './router.js';

export const KEY_INSTANCES = 100_000;
export const KEYS_MAX = 100_000;

export interface Remembered {
  readonly digest: string;
  readonly instance: InstanceId;
  readonly index: number;
  readonly outcome: CommandOutcome;
}

export type KeyEntry = readonly [key: string, remembered: Remembered];

export class IdempotencyTable {
  /** In order of first use, so the oldest stands first. */
  readonly #keys = new Map<string, Remembered>();

  get size(): number {
    return this.#keys.size;
  }

  /** The table as it is now, oldest first. */
  entries(): readonly KeyEntry[] {
    return [...this.#keys];
  }

  static of(entries: Iterable<KeyEntry>): IdempotencyTable {
    const table = new IdempotencyTable();
    for (const [key, remembered] of entries) table.#keys.set(key, remembered);
    return table;
  }

  find(key: string, instance: InstanceId): Remembered | undefined {
    const found = this.#keys.get(key);
    return found !== undefined && found.instance > instance - KEY_INSTANCES ? found : undefined;
  }

  remember(key: string, remembered: Remembered): void {
    this.#keys.delete(key);
    this.#keys.set(key, remembered);
    for (const [oldest, { instance }] of this.#keys) {
      if (this.#keys.size <= KEYS_MAX && instance > remembered.instance - KEY_INSTANCES) break;
      this.#keys.delete(oldest);
    }
  }
}

/** What a key stands for: machine, encoding, condition and bytes. */
export function digestOf(command: Command): string {
  return createHash('sha256')
    .update(`${command.machine}\0${command.encoding}\0${command.ifMaster ?? ''}\0`)
    .update(command.bytes)
    .digest('base64');
}
