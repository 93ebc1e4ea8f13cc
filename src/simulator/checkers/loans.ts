// Who lends a checkpoint to whom: while a peer fetches one, its lender keeps the log that goes on behind it, because that is
// what the peer asks for next. Invariant: loan-kept.
import type { GroupId, InstanceId, NodeId } from '../../core/ids.js';
import { demand } from '../violation.js';

/** A lender's patience is 30 s by its own clock. */
const LENT_MS = 20_000;

export class Loans {
  readonly #loans = new Map<string, { readonly instance: InstanceId; readonly at: number }>();

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
