// Reads LevelDB's write-ahead log the way LevelDB does, before LevelDB opens it, and says whether acknowledged writes
// would be dropped from it. LevelDB itself skips what fails its checksum without a word. It changes nothing.
//
// The file is a row of blocks of 32 KiB; in a block stand records of {masked CRC32C, length, type, bytes}. A record cut
// short, or with a sector of nothing in it, at the very end of the file is what a crash leaves of a write that nobody
// was told of. Any other defect is damage. A single flipped byte in the length of the very last record is found too, by
// trying the length that the file's end suggests.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK_BYTES = 32768;
const HEADER_BYTES = 7;
const SECTOR_BYTES = 512;
const TYPE_MAX = 4;
const CASTAGNOLI = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

const TABLE = new Int32Array(256).map((_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc;
});

/** null: in order, or torn at its end only. Else what is wrong, for people. */
export async function checkWriteAheadLogs(directory: string): Promise<string | null> {
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.log')).sort()) {
    const at = firstDefect(await readFile(join(directory, name)));
    if (at !== null)
      return `acknowledged writes are damaged: the write-ahead log ${name} fails its checksum at byte ${at}`;
  }
  return null;
}

/** The offset of the first defect that no crash explains; null: none. */
export function firstDefect(file: Buffer): number | null {
  let at = 0;
  while (at < file.length) {
    const blockEnd = Math.min(at - (at % BLOCK_BYTES) + BLOCK_BYTES, file.length);
    if (blockEnd - at < HEADER_BYTES) {
      at = blockEnd;
      continue;
    }
    const end = at + HEADER_BYTES + file.readUInt16LE(at + 4);
    if (end <= blockEnd && holds(file, at, end)) {
      at = end;
      continue;
    }
    return isTorn(file, at, end) ? null : at;
  }
  return null;
}

function isTorn(file: Buffer, at: number, end: number): boolean {
  // Every block begins with a record, so two blocks are far enough.
  const searched = Math.min(at + 2 * BLOCK_BYTES, file.length - HEADER_BYTES);
  for (let other = at + 1; other <= searched; other++) {
    const length = file.readUInt16LE(other + 4);
    const otherEnd = other + HEADER_BYTES + length;
    if (length > 0 && otherEnd <= file.length && fitsBlock(other, otherEnd) && holds(file, other, otherEnd))
      return false;
  }
  if (hasEmptySector(file, at)) return true;
  if (end < file.length) return false;
  // Only its length may be wrong: then the record goes to the end of the file, and holds.
  return end > file.length && !holds(file, at, file.length);
}

function holds(file: Buffer, at: number, end: number): boolean {
  const type = file[at + 6] ?? 0;
  if (type === 0 || type > TYPE_MAX) return false;
  let crc = -1;
  for (let i = at + 6; i < end; i++) crc = (TABLE[(crc ^ (file[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  crc = (crc ^ -1) >>> 0;
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
  return masked === file.readUInt32LE(at);
}

function fitsBlock(at: number, end: number): boolean {
  return Math.floor(at / BLOCK_BYTES) === Math.floor((end - 1) / BLOCK_BYTES);
}

/** A sector that never reached the disk reads as zeros, from `at` on. */
function hasEmptySector(file: Buffer, at: number): boolean {
  for (let from = at; from < file.length; ) {
    const to = Math.min(from - (from % SECTOR_BYTES) + SECTOR_BYTES, file.length);
    if (to - from >= 8 && file.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}
