// Passes the first note of a kind on and then one in a while, with the number it held back. A stranger that knocks all
// day must not fill the log.
import type { Trace, TraceNote } from '../engine/ports.js';
import { COMPLAIN_EVERY_MS } from './limits.js';

const KINDS_MAX = 256;

export class Seldom {
  readonly #trace: Trace;
  readonly #kinds = new Map<string, { at: number; held: number }>();

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  note(kind: string, note: TraceNote): void {
    const now = performance.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now - known.at < COMPLAIN_EVERY_MS) {
      known.held++;
      return;
    }
    this.#kinds.delete(kind);
    const oldest = this.#kinds.keys().next();
    if (this.#kinds.size >= KINDS_MAX && !oldest.done) this.#kinds.delete(oldest.value);
    this.#kinds.set(kind, { at: now, held: 0 });
    this.#trace(known?.held ? { ...note, facts: { ...note.facts, heldBack: known.held } } : note);
  }
}
