// Writes numbers, strings and bytes into a buffer that grows. Big-endian. Refuses numbers that the wire cannot carry
// exactly: such a number is our own mistake, so it breaks an invariant. Knows nothing of messages.
import { InvariantBroken } from '../core/invariant.js';

const FIRST_BYTES = 4096;
const TWO_32 = 2 ** 32;
const SHORT_STRING = 40;

export class Writer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  u32(value: number): void {
    if (value >>> 0 !== value) throw unwritable(value);
    this.#reserve(4);
    this.#put32(value);
  }

  /** An integer from 0 to 2^53 - 1, in eight bytes. */
  u53(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw unwritable(value);
    this.#reserve(8);
    this.#put32(Math.floor(value / TWO_32));
    this.#put32(value >>> 0);
  }

  /** A length or count, below 2^32; one byte when below 128. */
  count(value: number): void {
    if (value >>> 0 !== value) throw unwritable(value);
    this.#reserve(5);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** A finite duration, not negative. */
  duration(value: number): void {
    if (!Number.isFinite(value) || value < 0) throw unwritable(value);
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.count(value.length);
    this.raw(value);
  }

  /** Bytes whose length the reader knows. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  string(value: string): void {
    const length = value.length;
    if (length <= SHORT_STRING) {
      // Ids are short and plain: writing them byte by byte beats a call into the runtime.
      this.#reserve(length + 1);
      const start = this.#at;
      const bytes = this.#bytes;
      bytes[start] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) break;
        bytes[start + 1 + i] = code;
      }
      if (i === length) {
        this.#at = start + 1 + length;
        return;
      }
    }
    const size = Buffer.byteLength(value);
    this.count(size);
    this.#reserve(size);
    this.#at += this.#bytes.write(value, this.#at, size, 'utf8');
  }

  /** Overwrites a u32 written earlier. */
  patch32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  /** Forgets everything from `length` on. */
  truncate(length: number): void {
    this.#at = length;
  }

  /** What is written so far, without a copy: valid until the next write. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Takes what is written and starts afresh. A large buffer is handed over as it is, a small one is copied. */
  take(): Buffer {
    const view = this.view();
    this.#at = 0;
    if (view.length <= FIRST_BYTES * 4) return Buffer.from(view);
    this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return view;
  }

  #put32(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#at = at + 4;
  }

  #reserve(size: number): void {
    if (this.#at + size > this.#bytes.length) this.#grow(size);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function unwritable(value: number): InvariantBroken {
  return new InvariantBroken('wire-number', `${value} cannot be carried`);
}
