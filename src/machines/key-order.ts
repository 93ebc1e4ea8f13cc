// Keys in the order of their UTF-8 bytes, for listing: short sorted runs in a sorted row, so that adding and removing cost
// little however many keys there are.

const RUN_MAX = 512;
const RUN_SMALL = 128;

/**
 * Compares as the UTF-8 bytes would. JavaScript compares UTF-16 units, which differs where surrogates (characters beyond
 * U+FFFF) meet what stands above them in the sixteen-bit plane.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = a.charCodeAt(at) - b.charCodeAt(at);
    if (difference !== 0) return rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
  }
  return a.length - b.length;
}

/** Surrogates go above U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

export class KeyOrder {
  /** None is empty. */
  readonly #runs: string[][] = [];

  /** The key must not be there. */
  add(key: string): void {
    const at = this.#runOf(key);
    const run = this.#runs[at];
    if (run === undefined) {
      this.#runs.push([key]);
      return;
    }
    run.splice(firstNotBefore(run, key), 0, key);
    if (run.length > RUN_MAX) this.#runs.splice(at + 1, 0, run.splice(RUN_MAX >> 1));
  }

  /** The key must be there. */
  remove(key: string): void {
    const at = this.#runOf(key);
    const run = this.#runs[at] ?? [];
    run.splice(firstNotBefore(run, key), 1);
    if (run.length === 0) this.#runs.splice(at, 1);
    else if (run.length < RUN_SMALL) this.#join(at);
  }

  /** All keys that are not before `start`, in order. Nothing may be added or removed while this is read. */
  *from(start: string): Generator<string> {
    const first = this.#runOf(start);
    for (let at = first; at < this.#runs.length; at++) {
      const run = this.#runs[at] ?? [];
      for (let place = at === first ? firstNotBefore(run, start) : 0; place < run.length; place++) {
        const key = run[place];
        if (key !== undefined) yield key;
      }
    }
  }

  /** The last run that does not begin after `key`, or the first. */
  #runOf(key: string): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareKeys(this.#runs[middle]?.[0] ?? '', key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #join(at: number): void {
    const [run, next] = [this.#runs[at], this.#runs[at + 1]];
    if (run === undefined || next === undefined || run.length + next.length > RUN_MAX >> 1) return;
    run.push(...next);
    this.#runs.splice(at + 1, 1);
  }
}

function firstNotBefore(run: readonly string[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(run[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
