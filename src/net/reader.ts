// Reads what a Writer wrote, from bytes that nobody vouches for. Every length is held against what is left before
// anything is allocated; whatever does not fit is a FrameError. Byte strings are copied out, so that what is kept does
// not keep the frame it came in.
import { FrameError } from './frame-error.js';

const TWO_32 = 2 ** 32;
const HIGH_MAX = 2 ** 21;

/** Small byte strings share slabs of this size: one that is kept for long pins 8 KiB at the most. */
const SLAB_BYTES = 8192;
const SLAB_SHARE_MAX = 1024;

let slab = new ArrayBuffer(SLAB_BYTES);
let slabAt = 0;

export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  flag(): boolean {
    const flag = this.u8();
    if (flag > 1) throw new FrameError('neither yes nor no');
    return flag === 1;
  }

  u32(): number {
    return this.#get32(this.#take(4));
  }

  u53(): number {
    const at = this.#take(8);
    const high = this.#get32(at);
    if (high >= HIGH_MAX) throw new FrameError('a number above 2^53 - 1');
    return high * TWO_32 + this.#get32(at + 4);
  }

  count(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (value >= TWO_32) break;
        return value;
      }
    }
    throw new FrameError('a count above 2^32 - 1');
  }

  duration(): number {
    const value = this.#bytes.readDoubleBE(this.#take(8));
    if (!Number.isFinite(value) || value < 0) throw new FrameError('not a duration');
    return value;
  }

  /** A copy, the caller's own. */
  bytes(): Uint8Array {
    return this.raw(this.count());
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    const copy = room(length);
    copy.set(this.#bytes.subarray(at, at + length));
    return copy;
  }

  string(): string {
    const length = this.count();
    const at = this.#take(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  /** A string that is refused, before it is made, when it takes more than `bytesMax`. */
  shortString(bytesMax: number): string {
    const length = this.count();
    if (length > bytesMax) throw new FrameError(`a name of ${length} bytes`);
    const at = this.#take(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left !== 0) throw new FrameError(`${this.left} bytes too many`);
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#end - at) throw new FrameError('cut short');
    this.#at = at + size;
    return at;
  }

  #get32(at: number): number {
    const b = this.#bytes;
    return (((b[at] ?? 0) << 24) | ((b[at + 1] ?? 0) << 16) | ((b[at + 2] ?? 0) << 8) | (b[at + 3] ?? 0)) >>> 0;
  }
}

function room(length: number): Uint8Array {
  if (length > SLAB_SHARE_MAX) return new Uint8Array(length);
  if (slabAt + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    slabAt = 0;
  }
  const view = new Uint8Array(slab, slabAt, length);
  slabAt += length;
  return view;
}
