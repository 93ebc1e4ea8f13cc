// Nobody votes before it is level. What every store has closed is known here: an order that gives a store a vote, at the
// moment it is sealed into a value, finds that the store has closed everything that who seals it had closed a short while
// before. Invariant: promoted-is-level.
import type { InstanceId, StoreId } from '../../core/ids.js';
import type { Value } from '../../core/value.js';
import { demand } from '../violation.js';
import { ordersIn } from './members-model.js';

/** The master judges by what it had at its look before, looks five times a second, and its clock may be wrong. */
const KNOWN_MS = 700;

export class Promotions {
  readonly #closed = new Map<StoreId, InstanceId>();

  /** A process on this store has closed everything up to an instance. */
  closed(store: StoreId, through: InstanceId): void {
    if (through > (this.#closed.get(store) ?? -1)) this.#closed.set(store, through);
  }

  /** `knownFor`: how long ago who seals the value closed an instance; null: it has not. */
  sealed(where: () => string, value: Value, knownFor: (instance: InstanceId) => number | null): void {
    for (const { op, id, ...order } of ordersIn(value)) {
      if (op !== 'promote') continue;
      const store = String(order['store']);
      const missed = (this.#closed.get(store) ?? -1) + 1;
      const lateMs = knownFor(missed);
      demand(lateMs === null || lateMs <= KNOWN_MS, 'promoted-is-level', () => {
        return `${where()} gives a vote to ${id} on ${store}, which lacks ${missed}, closed ${lateMs?.toFixed(0)} ms ago`;
      });
    }
  }
}
