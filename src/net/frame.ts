// A frame: what one WebSocket message of an open link carries. Many (group, message) pairs, one sequence number.
//
//   version u8 | sequence u53 | count u32 | (group, message) × count | crc32 | mac, 16 bytes, when the link has a key
//
// The CRC covers every byte before it, the MAC every byte before it: the sequence, and thereby the frame's place, is
// inside both. A frame is decoded whole or not at all; whatever is wrong with it is a FrameError.
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { GroupId } from '../core/ids.js';
import type { PeerMessage } from '../engine/peer-messages.js';
import { FrameError } from './frame-error.js';
import { readMessage, writeMessage } from './message-codec.js';
import { NameReader, NameWriter } from './names.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

const FRAME_VERSION = 1;

const COUNT_AT = 9;
const HEAD_BYTES = 13;
const CRC_BYTES = 4;
const MAC_BYTES = 16;
const TAIL_BYTES = CRC_BYTES + MAC_BYTES;

export interface FrameEntry {
  readonly group: GroupId;
  readonly message: PeerMessage;
}

/** Makes the frames of one direction of one link, in sequence. */
export class FrameEncoder {
  readonly #key: KeyObject | null;
  readonly #writer = new Writer();
  readonly #names = new NameWriter();
  #sequence = 0;
  #count = 0;

  constructor(key: KeyObject | null) {
    this.#key = key;
  }

  /** Messages in the frame that is being made. */
  get count(): number {
    return this.#count;
  }

  /** What the frame will take when it is finished now, at the most. */
  get length(): number {
    return this.#count === 0 ? 0 : this.#writer.length + TAIL_BYTES;
  }

  /** Adds the pair, or adds nothing and returns false when the frame would take more than `bytesMax`. */
  add(group: GroupId, message: PeerMessage, bytesMax: number): boolean {
    const writer = this.#writer;
    if (this.#count === 0) this.#begin();
    const mark = writer.length;
    const names = this.#names.size;
    this.#names.write(writer, group);
    writeMessage(writer, this.#names, message);
    if (writer.length + TAIL_BYTES > bytesMax) {
      writer.truncate(mark);
      this.#names.truncate(names);
      return false;
    }
    this.#count++;
    return true;
  }

  /** The finished frame; the next one starts. */
  finish(): Buffer {
    const writer = this.#writer;
    if (this.#count === 0) this.#begin();
    writer.patch32(COUNT_AT, this.#count);
    writer.u32(crc32(writer.view()));
    if (this.#key !== null) writer.raw(macOf(this.#key, writer.view()));
    this.#count = 0;
    this.#sequence++;
    return writer.take();
  }

  #begin(): void {
    this.#writer.truncate(0);
    this.#names.clear();
    this.#writer.u8(FRAME_VERSION);
    this.#writer.u53(this.#sequence);
    this.#writer.u32(0);
  }
}

/** Reads the frames of one direction of one link; each must be the next in sequence. */
export class FrameDecoder {
  readonly #key: KeyObject | null;
  #sequence = 0;

  constructor(key: KeyObject | null) {
    this.#key = key;
  }

  decode(frame: Buffer): FrameEntry[] {
    if (frame[0] !== FRAME_VERSION) throw new FrameError(`frame version ${frame[0] ?? 'missing'}`);
    const macBytes = this.#key === null ? 0 : MAC_BYTES;
    const macAt = frame.length - macBytes;
    const end = macAt - CRC_BYTES;
    if (end < HEAD_BYTES) throw new FrameError('cut short');
    if (this.#key !== null && !timingSafeEqual(macOf(this.#key, frame.subarray(0, macAt)), frame.subarray(macAt))) {
      throw new FrameError('not from the peer of the handshake');
    }
    if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) throw new FrameError('checksum does not match');

    const reader = new Reader(frame, 1, end);
    const sequence = reader.u53();
    if (sequence !== this.#sequence) throw new FrameError(`frame ${sequence} came when ${this.#sequence} was due`);
    const names = new NameReader();
    const entries: FrameEntry[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      const group = names.read(reader);
      entries.push({ group, message: readMessage(reader, names) });
    }
    reader.end();
    this.#sequence++;
    return entries;
  }
}

function macOf(key: KeyObject, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, MAC_BYTES);
}
