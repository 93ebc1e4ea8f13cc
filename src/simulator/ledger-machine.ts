// The user's machine of simulated groups: it counts what it executes and tells a witness about every call. Orders are
// JSON: {"n": number of the entry} or {"n": …, "no": true} for one that it rejects. Its snapshot may carry ballast, so that
// checkpoints have several blocks; the ballast follows from the state, so a mixture of two snapshots shows.
import type { Command } from '../machines/command.js';
import type { Applied, ApplyContext, StateMachine } from '../machines/machine.js';

export const LEDGER = 'ledger';

const HEAD_BYTES = 64;

export interface LedgerOrder {
  readonly number: number;
  readonly rejects: boolean;
}

export interface LedgerHooks {
  /** Before anything has changed; may throw, or take its time. */
  readonly before: () => void;
  readonly executed: (order: LedgerOrder, context: ApplyContext) => void;
  /** Another state is in place, in which so many calls were executed. */
  readonly restored: (calls: number) => void;
  /** What was restored was never captured. */
  readonly garbled: () => void;
  readonly ballast: number;
}

export function orderText(number: number, rejects: boolean): string {
  return rejects ? `{"n":${number},"no":true}` : `{"n":${number}}`;
}

export function orderOf(bytes: Uint8Array): LedgerOrder {
  const { n, no } = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  return { number: n, rejects: no === true };
}

export class LedgerMachine implements StateMachine {
  readonly name = LEDGER;
  readonly #hooks: LedgerHooks;
  #count = 0;
  /** Also those that were rejected. */
  #calls = 0;

  constructor(hooks: LedgerHooks) {
    this.#hooks = hooks;
  }

  apply(command: Command, context: ApplyContext): Applied {
    this.#hooks.before();
    const order = orderOf(command.bytes);
    this.#hooks.executed(order, context);
    this.#calls++;
    if (order.rejects) return { rejected: 'as asked' };
    return { result: { count: ++this.#count } };
  }

  snapshot(): Iterable<Uint8Array> {
    return [headOf(this.#count, this.#calls), ballastOf(this.#hooks.ballast, this.#calls)];
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const read: Uint8Array[] = [];
    for await (const part of parts) read.push(part);
    const whole = Buffer.concat(read);
    const { count, calls } = JSON.parse(whole.toString('utf8', 0, HEAD_BYTES));
    if (!whole.subarray(HEAD_BYTES).equals(ballastOf(this.#hooks.ballast, calls))) this.#hooks.garbled();
    return () => {
      this.#count = count;
      this.#calls = calls;
      this.#hooks.restored(calls);
    };
  }

  digest(): number {
    return this.#count * 65_537 + this.#calls;
  }
}

function headOf(count: number, calls: number): Buffer {
  return Buffer.from(JSON.stringify({ count, calls }).padEnd(HEAD_BYTES));
}

function ballastOf(bytes: number, calls: number): Buffer {
  return Buffer.alloc(bytes, `${calls};`);
}
