// Time as a queue of events, ordered by (time, sequence). Nothing here waits: the run jumps from event to event, and lets
// the promises an event has settled run before the next one. Everything asynchronous in a simulated node hangs on these
// events, so the order of all that happens is a function of the seed.

export interface SimEvent {
  readonly time: number;
  readonly sequence: number;
  run: (() => void) | null;
}

/** Generations of promise callbacks that run after each event; the longest chain in a node is shorter. */
const SETTLE_TICKS = 7;

export class VirtualTime {
  now = 0;
  /** Events run so far. */
  steps = 0;
  /** The process the present event belongs to, set by its clock; null: nobody's. */
  actor: object | null = null;
  #sequence = 0;
  readonly #heap: SimEvent[] = [];

  /** An event may be cancelled by setting its `run` to null. */
  at(time: number, run: () => void): SimEvent {
    const event: SimEvent = { time: Math.max(time, this.now), sequence: this.#sequence++, run };
    this.#push(event);
    return event;
  }

  after(ms: number, run: () => void): SimEvent {
    return this.at(this.now + ms, run);
  }

  /** Runs all events up to `until`, `checked` after each; ends early when `checked` returns false. */
  async run(until: number, checked: () => boolean): Promise<void> {
    for (;;) {
      const event = this.#pop(until);
      if (event === null) break;
      if (event.run === null) continue;
      this.now = event.time;
      this.steps++;
      this.actor = null;
      event.run();
      for (let tick = 0; tick < SETTLE_TICKS; tick++) await null;
      if (!checked()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const up = (place - 1) >>> 1;
      const parent = heap[up];
      if (parent === undefined || !before(event, parent)) break;
      heap[place] = parent;
      place = up;
    }
    heap[place] = event;
  }

  #pop(until: number): SimEvent | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.time > until) return null;
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let place = 0;
    for (;;) {
      let down = 2 * place + 1;
      let child = heap[down];
      if (child === undefined) break;
      const right = heap[down + 1];
      if (right !== undefined && before(right, child)) {
        down++;
        child = right;
      }
      if (!before(child, last)) break;
      heap[place] = child;
      place = down;
    }
    heap[place] = last;
    return first;
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}
