// What the machines `kv`, `counter` and `lock` must hold, worked out a second time from the chosen log, with everything they
// held before: so an answer given for any instance can be judged. It shares no code with src/machines and knows only the
// commands that simulated clients send.
import type { InstanceId } from '../../core/ids.js';
import type { KvEntry } from '../../machines/kv-entries.js';
import type { LockView } from '../../machines/lock.js';

export type StateMachineName = 'kv' | 'counter' | 'lock';

export const STATE_MACHINES: readonly StateMachineName[] = ['kv', 'counter', 'lock'];

/** `code`: the machine's refusal; null: it has done what was asked. */
export interface Judged {
  readonly code: string | null;
  readonly result: unknown;
}

type Order = { readonly op: string } & Readonly<Record<string, unknown>>;

interface Held {
  readonly etag: string;
  readonly text: string;
  readonly endMs: number | null;
}

interface Lock {
  readonly owner: string;
  readonly fence: number;
  readonly endMs: number;
}

/** One thing's states in log order; the last one at or before an instance is what it was then. */
class History<State> {
  readonly #changes = new Map<string, { readonly instance: InstanceId; readonly state: State | null }[]>();

  get names(): readonly string[] {
    return [...this.#changes.keys()];
  }

  set(name: string, instance: InstanceId, state: State | null): void {
    const changes = this.#changes.get(name) ?? [];
    this.#changes.set(name, changes);
    changes.push({ instance, state });
  }

  get(name: string, instance: InstanceId = Number.POSITIVE_INFINITY): State | null {
    return this.#changes.get(name)?.findLast((change) => change.instance <= instance)?.state ?? null;
  }
}

export class MachinesModel {
  readonly #kv = new History<Held>();
  readonly #counters = new History<number>();
  readonly #locks = new History<Lock>();
  #lastFence = 0;

  apply(machine: StateMachineName, text: string, instance: InstanceId, index: number, timeMs: number): Judged {
    const order: Order = JSON.parse(text);
    if (machine === 'kv') return this.#applyKv(order, instance, index, timeMs);
    if (machine === 'lock') return this.#applyLock(order, instance, timeMs);
    const name = String(order['name']);
    const value = (this.#counters.get(name) ?? 0) + Number(order['add']);
    this.#counters.set(name, instance, value);
    return done({ value });
  }

  /** Everything one machine shows after an instance, in a form that compares as text. */
  shown(machine: StateMachineName, name: string, instance: InstanceId): string {
    if (machine === 'counter') return `${this.#counters.get(name, instance) ?? 0}`;
    if (machine === 'lock') return shownLock(this.#locks.get(name, instance));
    const held = this.#kv.get(name, instance);
    return held === null ? 'nothing' : `${held.etag} ${held.text} until ${held.endMs}`;
  }

  /** Names of everything a machine has ever held. */
  names(machine: StateMachineName): readonly string[] {
    return { kv: this.#kv, counter: this.#counters, lock: this.#locks }[machine].names;
  }

  #applyKv(order: Order, instance: InstanceId, index: number, timeMs: number): Judged {
    this.#end(this.#kv, instance, timeMs);
    if (order.op === 'expire') return done(null);
    const key = String(order['key']);
    const present = this.#kv.get(key);
    const { ifMatch } = order;
    const isAnother = ifMatch !== undefined && (present === null || (ifMatch !== '*' && ifMatch !== present.etag));
    if (isAnother || (order['ifNoneMatch'] === true && present !== null)) return refused('precondition-failed');
    const etag = `${instance}.${index}`;
    if (order.op === 'put') {
      const endMs = order['ttlMs'] === undefined ? null : timeMs + Number(order['ttlMs']);
      this.#kv.set(key, instance, { etag, text: JSON.stringify(order['value']), endMs });
      return done({ created: present === null, etag });
    }
    if (present === null) return refused('key-not-found');
    this.#kv.set(key, instance, null);
    return done({ etag });
  }

  #applyLock(order: Order, instance: InstanceId, timeMs: number): Judged {
    this.#end(this.#locks, instance, timeMs);
    if (order.op === 'expire') return done(null);
    const name = String(order['name']);
    const held = this.#locks.get(name);
    const endMs = timeMs + Number(order['ttlMs']);
    if (order.op === 'acquire') {
      if (held !== null) return refused('lock-held');
      return this.#hold(name, instance, timeMs, { owner: String(order['owner']), fence: ++this.#lastFence, endMs });
    }
    if (held === null) return refused(order.op === 'renew' ? 'precondition-failed' : 'key-not-found');
    if (held.fence !== order['fence']) return refused('lock-held');
    if (order.op === 'renew') return this.#hold(name, instance, timeMs, { ...held, endMs });
    this.#locks.set(name, instance, null);
    return done({ owner: held.owner, fence: held.fence, expiresInMs: 0 });
  }

  #hold(name: string, instance: InstanceId, timeMs: number, lock: Lock): Judged {
    this.#locks.set(name, instance, lock);
    return done({ owner: lock.owner, fence: lock.fence, expiresInMs: lock.endMs - timeMs });
  }

  #end(things: History<{ readonly endMs: number | null }>, instance: InstanceId, timeMs: number): void {
    for (const name of things.names) {
      const endMs = things.get(name)?.endMs ?? null;
      if (endMs !== null && endMs <= timeMs) things.set(name, instance, null);
    }
  }
}

/** A machine's answer in the form of `shown`. How long a lock is still held depends on who is asked, and is left out. */
export function shownAnswer(machine: StateMachineName, answer: unknown): string {
  if (machine === 'counter') return `${(answer as { readonly value: number }).value}`;
  if (machine === 'lock') return shownLock(answer as LockView | null);
  const entry = answer as KvEntry | null;
  return entry === null ? 'nothing' : `${entry.etag} ${entry.text} until ${entry.expiresAtMs}`;
}

function shownLock(lock: { readonly owner: string; readonly fence: number } | null): string {
  return lock === null ? 'free' : `${lock.owner} with ${lock.fence}`;
}

function done(result: unknown): Judged {
  return { code: null, result };
}

function refused(code: string): Judged {
  return { code, result: null };
}
