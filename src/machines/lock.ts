// The machine `lock`: names that one owner holds at a time, for so long. Every acquisition is given a `fence`, a number that
// is larger than all fences given before in this group: whoever guards a resource with it turns late holders away by
// comparing numbers. A group restored from a backup leaves a gap, because the group before may have given fences since the
// backup was made. Locks end as entries of `kv` do: when a command is applied whose time has come to their end.
import { crc32 } from 'node:zlib';
import type { Millis } from '../core/ids.js';
import type { Command } from './command.js';
import { ExpiryQueue } from './expiry-queue.js';
import { BadCommand } from './json-command.js';
import { readLines, writeLines } from './json-lines.js';
import { type LockCommand, readLockCommand } from './lock-command.js';
import type { Applied, ApplyContext, Draft, Rejected, SnapshotSource, StateMachine } from './machine.js';

export interface LockView {
  readonly owner: string;
  readonly fence: number;
  readonly expiresInMs: Millis;
}

/** More fences than a group gives between a backup and its end. */
export const RESTORE_GAP = 2 ** 20;

interface Held {
  readonly name: string;
  readonly owner: string;
  readonly fence: number;
  readonly expiresAtMs: Millis;
}

interface HeadRow {
  readonly lastFence: number;
}

export class LockMachine implements StateMachine {
  readonly name = 'lock';
  #held = new Map<string, Held>();
  #ends = new ExpiryQueue();
  #sum = 0;
  #lastFence = 0;

  get dueAtMs(): Millis | null {
    return this.#ends.soonestMs;
  }

  due(): Draft {
    return { encoding: 'json', bytes: Buffer.from('{"op":"expire"}') };
  }

  beforePropose(draft: Draft): Draft | Rejected {
    const command = readLockCommand(draft);
    return command instanceof BadCommand ? { rejected: command.message } : draft;
  }

  apply(bytes: Command, { timeMs }: ApplyContext): Applied {
    this.#end(timeMs);
    const command = readLockCommand(bytes);
    if (command instanceof BadCommand) return { rejected: command.message };
    if (command.op === 'expire') return { result: null };
    const held = this.#held.get(command.name);
    if (held === undefined) return this.#applyFree(command, timeMs);
    if (command.op === 'acquire' || !isHolder(command, held)) {
      return { rejected: 'the lock is held', code: 'lock-held', facts: { ...viewOf(held, timeMs) } };
    }
    this.#free(held);
    if (command.op === 'release') return { result: { ...viewOf(held, timeMs), expiresInMs: 0 } };
    return { result: this.#hold({ ...held, expiresAtMs: timeMs + command.ttlMs }, timeMs) };
  }

  /** `{name}`: who holds it, or null. */
  query(question: unknown, { timeMs }: { readonly timeMs: Millis }): LockView | null {
    const held = this.#held.get((question as { readonly name: string }).name);
    return held === undefined ? null : viewOf(held, timeMs);
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    const head: HeadRow = { lastFence: this.#lastFence };
    yield* writeLines([head, ...this.#held.values()]);
  }

  async restore(parts: AsyncIterable<Uint8Array>, source: SnapshotSource): Promise<() => void> {
    const fresh = new LockMachine();
    fresh.#lastFence = source === 'backup' ? RESTORE_GAP : 0;
    for await (const row of readLines<HeadRow | Held>(parts)) {
      if ('lastFence' in row) fresh.#lastFence += row.lastFence;
      else fresh.#hold(row, 0);
    }
    return () => {
      this.#held = fresh.#held;
      this.#ends = fresh.#ends;
      this.#sum = fresh.#sum;
      this.#lastFence = fresh.#lastFence;
    };
  }

  digest(): number {
    return (this.#sum + this.#lastFence) >>> 0;
  }

  #applyFree(command: Exclude<LockCommand, { op: 'expire' }>, timeMs: Millis): Applied {
    switch (command.op) {
      case 'acquire': {
        const { name, owner, ttlMs } = command;
        this.#lastFence += 1;
        return { result: this.#hold({ name, owner, fence: this.#lastFence, expiresAtMs: timeMs + ttlMs }, timeMs) };
      }
      case 'renew':
        return { rejected: 'the lock is free: acquire it anew', code: 'precondition-failed' };
      case 'release':
        return { rejected: 'the lock is free', code: 'key-not-found' };
    }
  }

  #hold(held: Held, timeMs: Millis): LockView {
    this.#held.set(held.name, held);
    this.#ends.set(held.name, held.expiresAtMs);
    this.#sum = (this.#sum + sumOf(held)) >>> 0;
    return viewOf(held, timeMs);
  }

  #free(held: Held): void {
    this.#held.delete(held.name);
    this.#ends.set(held.name, null);
    this.#sum = (this.#sum - sumOf(held)) >>> 0;
  }

  #end(timeMs: Millis): void {
    for (let name = this.#ends.takeEnded(timeMs); name !== null; name = this.#ends.takeEnded(timeMs)) {
      const held = this.#held.get(name);
      if (held !== undefined) this.#free(held);
    }
  }
}

function isHolder(command: { readonly fence: number; readonly owner: string | null }, held: Held): boolean {
  return command.fence === held.fence && (command.owner === null || command.owner === held.owner);
}

/** A lock whose time is up is held until that is applied. */
function viewOf({ owner, fence, expiresAtMs }: Held, timeMs: Millis): LockView {
  return { owner, fence, expiresInMs: Math.max(0, expiresAtMs - timeMs) };
}

function sumOf({ name, owner, fence, expiresAtMs }: Held): number {
  return crc32(JSON.stringify([name, owner, fence, expiresAtMs]));
}
