// Who ends when, soonest first: a heap in which each name stands at most once and knows its place, so that it can be moved
// or taken out without leaving anything behind. Time is what the caller says it is.
import type { Millis } from '../core/ids.js';

interface Slot {
  readonly name: string;
  readonly atMs: Millis;
  place: number;
}

export class ExpiryQueue {
  readonly #heap: Slot[] = [];
  readonly #slots = new Map<string, Slot>();

  get size(): number {
    return this.#heap.length;
  }

  get soonestMs(): Millis | null {
    return this.#heap[0]?.atMs ?? null;
  }

  /** From now on `name` ends at `atMs`, and at no other time; null: never. */
  set(name: string, atMs: Millis | null): void {
    const known = this.#slots.get(name);
    if (known !== undefined) this.#remove(known);
    if (atMs === null) return;
    const slot = { name, atMs, place: this.#heap.length };
    this.#slots.set(name, slot);
    this.#heap.push(slot);
    this.#rise(slot);
  }

  /** Takes out one that ends at `timeMs` or before; null: there is none. */
  takeEnded(timeMs: Millis): string | null {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > timeMs) return null;
    this.#remove(first);
    return first.name;
  }

  #remove(slot: Slot): void {
    this.#slots.delete(slot.name);
    const last = this.#heap.pop();
    if (last === undefined || last === slot) return;
    this.#put(last, slot.place);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(slot: Slot): void {
    for (;;) {
      const above = slot.place === 0 ? undefined : this.#heap[(slot.place - 1) >> 1];
      if (above === undefined || above.atMs <= slot.atMs) return;
      this.#swap(slot, above);
    }
  }

  #sink(slot: Slot): void {
    for (;;) {
      const left = this.#heap[2 * slot.place + 1];
      const right = this.#heap[2 * slot.place + 2];
      const below = left !== undefined && right !== undefined && right.atMs < left.atMs ? right : left;
      if (below === undefined || below.atMs >= slot.atMs) return;
      this.#swap(slot, below);
    }
  }

  #swap(one: Slot, other: Slot): void {
    const { place } = one;
    this.#put(one, other.place);
    this.#put(other, place);
  }

  #put(slot: Slot, place: number): void {
    slot.place = place;
    this.#heap[place] = slot;
  }
}
