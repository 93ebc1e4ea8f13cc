// Executed at most once: which (origin, sequence) pairs have been applied. A replicated table, a function of the log
// alone. Each origin keeps a window of its newest sequences as bits; what is older than the window counts as executed,
// because no honest node re-proposes it. An origin (one start of one node) not heard of for ORIGIN_INSTANCES is forgotten.
import type { InstanceId } from '../core/ids.js';
import type { ProposalId } from './command.js';

/** Sequences kept per origin; far more than a node may have in flight at once. */
export const WINDOW = 1 << 17;
export const ORIGIN_INSTANCES = 10_000_000;

/** An origin in a snapshot. `bits`: the window in base64. */
export interface OnceRow {
  readonly origin: string;
  readonly newest: number;
  readonly seen: InstanceId;
  readonly bits: string;
}

interface Origin {
  readonly bits: Uint8Array;
  /** All sequences in (newest - WINDOW, newest] are in `bits`. */
  newest: number;
  seen: InstanceId;
}

export class Once {
  readonly #origins = new Map<string, Origin>();

  get origins(): number {
    return this.#origins.size;
  }

  /** Whether the command has not been executed yet. */
  isNew(id: ProposalId): boolean {
    const origin = this.#origins.get(id.origin);
    if (origin === undefined || id.sequence > origin.newest) return true;
    if (id.sequence <= origin.newest - WINDOW) return false;
    const place = id.sequence % WINDOW;
    return ((origin.bits[place >>> 3] ?? 0) & (1 << (place & 7))) === 0;
  }

  add(id: ProposalId, instance: InstanceId): void {
    let origin = this.#origins.get(id.origin);
    if (origin === undefined) {
      this.#forget(instance);
      origin = { bits: new Uint8Array(WINDOW / 8), newest: -1, seen: instance };
      this.#origins.set(id.origin, origin);
    }
    origin.seen = instance;
    if (id.sequence > origin.newest) advance(origin, id.sequence);
    const place = id.sequence % WINDOW;
    origin.bits[place >>> 3] = (origin.bits[place >>> 3] ?? 0) | (1 << (place & 7));
  }

  /** The table as JSON rows, one per origin. */
  rows(): readonly OnceRow[] {
    return Array.from(this.#origins, ([origin, { bits, newest, seen }]): OnceRow => {
      return { origin, newest, seen, bits: Buffer.from(bits).toString('base64') };
    });
  }

  static of(rows: readonly OnceRow[]): Once {
    const once = new Once();
    for (const { origin, newest, seen, bits } of rows) {
      const bytes = Buffer.from(bits, 'base64');
      if (bytes.length !== WINDOW / 8) throw new RangeError(`the window of ${origin} has ${bytes.length} bytes`);
      once.#origins.set(origin, { bits: new Uint8Array(bytes), newest, seen });
    }
    return once;
  }

  #forget(instance: InstanceId): void {
    for (const [name, origin] of this.#origins) {
      if (origin.seen < instance - ORIGIN_INSTANCES) this.#origins.delete(name);
    }
  }
}

/** Moves the window up to `newest`, clearing the places that now stand for new sequences. */
function advance(origin: Origin, newest: number): void {
  if (newest - origin.newest >= WINDOW) origin.bits.fill(0);
  else {
    for (let sequence = origin.newest + 1; sequence <= newest; sequence++) {
      const place = sequence % WINDOW;
      const byte = place >>> 3;
      origin.bits[byte] = (origin.bits[byte] ?? 0) & ~(1 << (place & 7));
    }
  }
  origin.newest = newest;
}
