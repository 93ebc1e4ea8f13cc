// A block of a checkpoint as bytes: a version, what was put, and a CRC32 over its place (group, name, index) and all of
// it. What is not exactly what was put to that place decodes to null. Also what may be asked of a store about blocks.
import { BLOCK_BYTES, CHECKPOINT_NAME } from '../engine/log-store.js';
import { RowReader, RowWriter, sound } from './row-buffer.js';

const VERSION = 1;
/** Bytes of an encoded block, at most. */
export const ENCODED_BYTES_MAX: number = BLOCK_BYTES + 5;

export function encodeBlock(place: Buffer, bytes: Uint8Array): Buffer {
  return new RowWriter(1 + bytes.byteLength).u8(VERSION).bytes(bytes).seal(place);
}

/** The bytes are a view of the row. */
export function decodeBlock(place: Buffer, row: Buffer): Buffer | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  return reader.u8() === VERSION ? reader.rest() : null;
}

/** A name ends in paths and keys: only what the engine makes is let through. */
export function mustBeName(name: string): void {
  if (!CHECKPOINT_NAME.test(name)) throw new RangeError('this is not the name of a checkpoint');
}

export function mustBeBlock(name: string, index: number, bytes: Uint8Array): void {
  mustBeName(name);
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`${index} is not the index of a block`);
  if (bytes.byteLength > BLOCK_BYTES) throw new RangeError(`a block of ${bytes.byteLength} bytes is too large`);
}
