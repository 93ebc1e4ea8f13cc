// The user's machine of simulated groups: it counts what it executes and tells a witness about every call. Orders are
// JSON: {"n": number of the entry} or {"n": …, "no": true} for one that it rejects.
import type { Command } from '../machines/command.js';
import type { Applied, ApplyContext, StateMachine } from '../machines/machine.js';

export const LEDGER = 'ledger';

export interface LedgerOrder {
  readonly number: number;
  readonly rejects: boolean;
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
  readonly #witness: (order: LedgerOrder, context: ApplyContext) => void;
  #count = 0;

  constructor(witness: (order: LedgerOrder, context: ApplyContext) => void) {
    this.#witness = witness;
  }

  apply(command: Command, context: ApplyContext): Applied {
    const order = orderOf(command.bytes);
    this.#witness(order, context);
    if (order.rejects) return { rejected: 'as asked' };
    return { result: { count: ++this.#count } };
  }
}
