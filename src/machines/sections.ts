// A snapshot on its way: named sections of bytes, one after the other, in one stream. The stream may be cut into blocks in
// any way. Every section ends with its length and its CRC32, and the stream with a mark, so that a reader knows it has seen
// all of it, unchanged; what is wrong throws SnapshotDamaged, nothing else.
import { crc32 } from 'node:zlib';

export class SnapshotDamaged extends Error {
  override readonly name = 'SnapshotDamaged';
}

export interface Section {
  readonly name: string;
  /** To be read to its end before the next section is asked for. */
  readonly parts: AsyncIterable<Uint8Array>;
}

/** What a writer brings: parts that are at hand, or come in time. */
export interface SectionSource {
  readonly name: string;
  readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const FRAME = { section: 1, part: 2, sectionEnd: 3, end: 4 } as const;
const HEADER_BYTES = 5;
const PART_BYTES_MAX = 64 * 1024;

/** The stream that `readSections` reads. */
export async function* writeSections(sections: readonly SectionSource[]): AsyncGenerator<Uint8Array> {
  for (const { name, parts } of sections) {
    yield frame(FRAME.section, Buffer.from(name));
    let length = 0;
    let crc = 0;
    for await (const part of parts) {
      for (let at = 0; at < part.length; at += PART_BYTES_MAX) {
        const piece = part.subarray(at, at + PART_BYTES_MAX);
        length += piece.length;
        crc = crc32(piece, crc);
        yield frame(FRAME.part, piece);
      }
    }
    const sum = Buffer.alloc(12);
    sum.writeBigUInt64BE(BigInt(length));
    sum.writeUInt32BE(crc, 8);
    yield frame(FRAME.sectionEnd, sum);
  }
  yield frame(FRAME.end, Buffer.alloc(0));
}

/** The sections of a stream. A section that the caller did not read is read for it: its sum is checked all the same. */
export async function* readSections(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Section> {
  const reader = new FrameReader(stream);
  for (;;) {
    const { kind, bytes } = await reader.next();
    if (kind === FRAME.end) break;
    if (kind !== FRAME.section) throw new SnapshotDamaged('a section is missing its name');
    const parts = new SectionParts(reader);
    yield { name: bytes.toString(), parts };
    for await (const _ of parts);
  }
  if (!(await reader.isAtEnd())) throw new SnapshotDamaged('there is more after the end');
}

/** Goes on where the last reader of it stopped. */
class SectionParts implements AsyncIterable<Uint8Array> {
  readonly #reader: FrameReader;
  #ended = false;
  #length = 0;
  #crc = 0;

  constructor(reader: FrameReader) {
    this.#reader = reader;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (!this.#ended) {
      const { kind, bytes } = await this.#reader.next();
      if (kind === FRAME.part) {
        this.#length += bytes.length;
        this.#crc = crc32(bytes, this.#crc);
        yield bytes;
        continue;
      }
      this.#ended = true;
      if (kind !== FRAME.sectionEnd || bytes.length !== 12) throw new SnapshotDamaged('a section has no end');
      if (bytes.readBigUInt64BE() !== BigInt(this.#length) || bytes.readUInt32BE(8) !== this.#crc) {
        throw new SnapshotDamaged('a section fails its checksum');
      }
    }
  }
}

function frame(kind: number, bytes: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(HEADER_BYTES + bytes.length);
  whole[0] = kind;
  whole.writeUInt32BE(bytes.length, 1);
  whole.set(bytes, HEADER_BYTES);
  return whole;
}

class FrameReader {
  readonly #blocks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#blocks = stream[Symbol.asyncIterator]();
  }

  async next(): Promise<{ readonly kind: number; readonly bytes: Buffer }> {
    await this.#have(HEADER_BYTES);
    const length = this.#held.readUInt32BE(1);
    if (length > PART_BYTES_MAX) throw new SnapshotDamaged('a part is longer than any part');
    await this.#have(HEADER_BYTES + length);
    const kind = this.#held[0] ?? 0;
    const bytes = this.#held.subarray(HEADER_BYTES, HEADER_BYTES + length);
    this.#held = this.#held.subarray(HEADER_BYTES + length);
    return { kind, bytes };
  }

  async isAtEnd(): Promise<boolean> {
    return this.#held.length === 0 && (await this.#blocks.next()).done === true;
  }

  async #have(bytes: number): Promise<void> {
    while (this.#held.length < bytes) {
      const { done, value } = await this.#blocks.next();
      if (done === true) throw new SnapshotDamaged('the snapshot is cut short');
      this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
    }
  }
}
