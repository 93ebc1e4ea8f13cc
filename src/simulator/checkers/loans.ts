// Who lends a checkpoint to whom: while a peer fetches one, its lender keeps the log that goes on behind it, because that is
// what the peer asks for next, and nobody else's. Invariant: loan-kept.
import type { GroupId, InstanceId, NodeId } from '../../core/ids.js';
import { demand } from '../violation.js';

/** A lender's patience is 30 s by its own clock. */
const LENT_MS = 20_000;
/** Longer after an ask has left its borrower nothing is held for it: the patience, a clock that is slow, and the way. */
const HELD_MS = 35_000;

interface Ask {
  readonly lender: NodeId;
  readonly group: GroupId;
  readonly instance: InstanceId;
  at: number;
}

export class Loans {
  readonly #loans = new Map<string, { readonly instance: InstanceId; readonly at: number }>();

  readonly #asks = new Map<string, Ask>();

  /** A borrower asks for a block of the checkpoint of `instance`. It may come late, and to the lender's next process. */
  asks(borrower: NodeId, lender: NodeId, group: GroupId, instance: InstanceId, now: number): void {
    const key = `${lender} ${group} ${borrower} ${instance}`;
    const ask = this.#asks.get(key);
    if (ask === undefined) this.#asks.set(key, { lender, group, instance, at: now });
    else ask.at = now;
  }

  /** The first instance that a lender may have to keep for whoever fetches from it; null: nobody does. */
  neededOf(lender: NodeId, group: GroupId, now: number): InstanceId | null {
    let needed: InstanceId | null = null;
    for (const ask of this.#asks.values()) {
      if (ask.lender !== lender || ask.group !== group || now - ask.at > HELD_MS) continue;
      needed = Math.min(needed ?? Number.POSITIVE_INFINITY, ask.instance + 1);
    }
    return needed;
  }

  /** A block of the checkpoint of `instance` leaves its lender. */
  lent(lender: NodeId, to: NodeId, group: GroupId, instance: InstanceId, now: number): void {
    this.#loans.set(`${lender} ${group} ${to}`, { instance, at: now });
  }

  /** The lender's process is another one, which knows of no loans. */
  forgotten(lender: NodeId): void {
    for (const loan of this.#loans.keys()) if (loan.startsWith(`${lender} `)) this.#loans.delete(loan);
  }

  trims(lender: NodeId, group: GroupId, before: InstanceId, now: number): void {
    for (const [loan, { instance, at }] of this.#loans) {
      if (!loan.startsWith(`${lender} ${group} `) || now - at > LENT_MS) continue;
      demand(before <= instance + 1, 'loan-kept', () => {
        return `${lender} ${group} trims below ${before}, and ${loan} fetches the checkpoint of ${instance}`;
      });
    }
  }
}
