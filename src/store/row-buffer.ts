// Writing and reading the bytes of a row: numbers as varints of up to 53 bits, short texts behind their length, and a
// CRC32 at the end over the row's place and every byte before it. A reader never reads past the row; what does not add up
// is reported by `sound` or by a RangeError, never by a wrong value.
import { crc32 } from 'node:zlib';

const CRC_BYTES = 4;
const VARINT_BYTES_MAX = 8;
const LOW_BITS = 0x80;

export class RowWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** `bytesMax` bounds what is written before the checksum. */
  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(bytesMax + CRC_BYTES);
  }

  u8(value: number): this {
    this.#bytes[this.#at++] = value;
    return this;
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
    return this;
  }

  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a number a row can hold`);
    let rest = value;
    while (rest >= LOW_BITS) {
      this.#bytes[this.#at++] = (rest % LOW_BITS) | LOW_BITS;
      rest = Math.floor(rest / LOW_BITS);
    }
    this.#bytes[this.#at++] = rest;
    return this;
  }

  /** `bytes`: the text's length in UTF-8, measured by the caller to size the row. */
  text(text: string, bytes: number): this {
    this.varint(bytes);
    this.#at += this.#bytes.write(text, this.#at, bytes, 'utf8');
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
    return this;
  }

  /** The row, with the checksum of `place` and everything written. */
  seal(place: Buffer): Buffer {
    const content = this.#bytes.subarray(0, this.#at);
    this.#at = this.#bytes.writeUInt32LE(crc32(content, crc32(place)), this.#at);
    return this.#bytes.subarray(0, this.#at);
  }
}

export class RowReader {
  readonly #row: Buffer;
  readonly #end: number;
  #at = 0;

  constructor(row: Buffer) {
    this.#row = row;
    this.#end = row.length - CRC_BYTES;
  }

  u8(): number {
    return this.#row.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#row.readUInt32LE(this.#take(4));
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      value += (byte % LOW_BITS) * unit;
      if (byte < LOW_BITS) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      unit *= LOW_BITS;
    }
    throw new RangeError('a number in a row is too large');
  }

  text(): string {
    const length = this.varint();
    const at = this.#take(length);
    return this.#row.toString('utf8', at, at + length);
  }

  /** Everything up to the checksum, as a view. */
  rest(): Buffer {
    const at = this.#at;
    this.#at = this.#end;
    return this.#row.subarray(at, this.#end);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) throw new RangeError('a row ends too early');
    this.#at = at + bytes;
    return at;
  }
}

/** Is this row what was written to this place? */
export function sound(place: Buffer, row: Buffer): boolean {
  return row.length > CRC_BYTES && computedCrc(place, row) === claimedCrc(row);
}

/** The checksum the row carries. */
export function claimedCrc(row: Buffer): number {
  return row.length < CRC_BYTES ? 0 : row.readUInt32LE(row.length - CRC_BYTES);
}

/** The checksum the row should carry. */
export function computedCrc(place: Buffer, row: Buffer): number {
  return row.length < CRC_BYTES ? 0 : crc32(row.subarray(0, row.length - CRC_BYTES), crc32(place));
}
