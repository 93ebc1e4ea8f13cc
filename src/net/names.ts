// The table of names that a frame keeps. Names that repeat (groups, nodes, error codes) stand in full the first time, and
// afterwards as their number. Writer and reader number them alike; a number that was never given is a fault of the frame.
import { FrameError } from './frame-error.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** Longest group name, node id or error code taken from the wire. */
const NAME_BYTES_MAX = 256;

export class NameWriter {
  readonly #known = new Map<string, number>();

  get size(): number {
    return this.#known.size;
  }

  clear(): void {
    this.#known.clear();
  }

  /** Forgets the names that came after the first `size`. */
  truncate(size: number): void {
    for (const [name, number] of this.#known) if (number >= size) this.#known.delete(name);
  }

  write(to: Writer, name: string): void {
    const number = this.#known.get(name);
    if (number !== undefined) {
      to.count(number);
      return;
    }
    to.count(this.#known.size);
    to.string(name);
    this.#known.set(name, this.#known.size);
  }
}

export class NameReader {
  readonly #known: string[] = [];

  read(from: Reader): string {
    const number = from.count();
    const known = this.#known[number];
    if (known !== undefined) return known;
    if (number !== this.#known.length) throw new FrameError('a name that was never given');
    const name = from.shortString(NAME_BYTES_MAX);
    this.#known.push(name);
    return name;
  }
}
