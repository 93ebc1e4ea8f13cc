// The blocks of checkpoints as plain files: one directory per group, one file per checkpoint, one slot of fixed size per
// block. A slot holds the length of the encoded block and the block (block.ts); slots begin at pages of their own, so a
// torn write harms no other block. A slot that was never written reads as nothing.
//
// Promises what the LogStore port says of blocks, for one caller at a time per directory (the store's lock sees to that).
// Writes go one after the other, beside the store's flushes. What is dirty is handed to the disk every few blocks, so that
// the sync at the end is short and does not keep a flush waiting.
//
// A file that once failed to write or sync takes nothing more until it is dropped: after a failed sync the system may
// have forgotten what it did not write.
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GroupId } from '../core/ids.js';
import { BLOCK_BYTES, CHECKPOINT_NAME } from '../engine/log-store.js';
import { decodeBlock, ENCODED_BYTES_MAX, encodeBlock } from './block.js';
import { syncDirectory } from './durable-directory.js';
import { blockPlace } from './keys.js';

const PAGE_BYTES = 4096;
const LENGTH_BYTES = 4;
const SLOT_BYTES = BLOCK_BYTES + PAGE_BYTES;
const DIRTY_BLOCKS_MAX = 16;

interface Writing {
  readonly handle: FileHandle;
  dirty: number;
  failed: unknown;
}

export class BlockFiles {
  readonly #root: string;
  readonly #writing = new Map<string, Writing>();
  #tail: Promise<void> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
  }

  put(group: GroupId, name: string, index: number, bytes: Uint8Array): Promise<void> {
    const row = encodeBlock(blockPlace(group, name, index), bytes);
    const slot = Buffer.allocUnsafe(LENGTH_BYTES + row.length);
    slot.writeUInt32LE(row.length);
    row.copy(slot, LENGTH_BYTES);
    return this.#inTurn(async () => {
      await this.#onFile(group, name, async (writing) => {
        await writeAll(writing.handle, slot, index * SLOT_BYTES);
        writing.dirty += 1;
        if (writing.dirty < DIRTY_BLOCKS_MAX) return;
        await writing.handle.datasync();
        writing.dirty = 0;
      });
    });
  }

  sync(group: GroupId, name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#writing.has(this.#file(group, name))) return;
      await this.#onFile(group, name, async ({ handle }) => {
        await handle.sync();
        // Every directory down to the file: whoever made one may have died before it was synced.
        for (const directory of [this.#directory(group), this.#root, dirname(this.#root)])
          await syncDirectory(directory);
      });
      await this.#release(this.#file(group, name));
    });
  }

  async read(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    const handle = await openIfThere(this.#file(group, name));
    if (handle === null) return null;
    try {
      const slot = Buffer.allocUnsafe(LENGTH_BYTES + ENCODED_BYTES_MAX);
      const read = await readAll(handle, slot, index * SLOT_BYTES);
      const length = read < LENGTH_BYTES ? 0 : slot.readUInt32LE();
      if (LENGTH_BYTES + length > read) return null;
      return decodeBlock(blockPlace(group, name, index), slot.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    } finally {
      await handle.close();
    }
  }

  async names(group: GroupId): Promise<string[]> {
    try {
      return (await readdir(this.#directory(group))).filter((name) => CHECKPOINT_NAME.test(name));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  drop(group: GroupId, name: string): Promise<void> {
    const file = this.#file(group, name);
    return this.#inTurn(async () => {
      await this.#release(file);
      try {
        await unlink(file);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      await syncDirectory(this.#directory(group));
    });
  }

  /** Waits for what is under way and holds no file any more. Can be used again. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      for (const file of [...this.#writing.keys()]) await this.#release(file);
    });
  }

  async #onFile(group: GroupId, name: string, work: (writing: Writing) => Promise<void>): Promise<void> {
    const file = this.#file(group, name);
    let writing = this.#writing.get(file);
    if (writing === undefined) {
      await mkdir(this.#directory(group), { recursive: true });
      writing = { handle: await openOrMake(file), dirty: 0, failed: null };
      this.#writing.set(file, writing);
    }
    if (writing.failed !== null) {
      throw new Error('blocks of this checkpoint could not be written: drop it first', { cause: writing.failed });
    }
    try {
      await work(writing);
    } catch (error) {
      writing.failed = error;
      throw error;
    }
  }

  async #release(file: string): Promise<void> {
    const writing = this.#writing.get(file);
    if (writing === undefined) return;
    this.#writing.delete(file);
    await writing.handle.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work);
    // Whoever asked hears of the failure; the next one has nothing to do with it.
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** A group's name never becomes a path. */
  #directory(group: GroupId): string {
    return join(this.#root, Buffer.from(group).toString('hex'));
  }

  #file(group: GroupId, name: string): string {
    return join(this.#directory(group), name);
  }
}

async function openIfThere(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** To be written at any place; what is in it stays. */
async function openOrMake(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r+');
  } catch (error) {
    if (!isMissing(error)) throw error;
    return open(file, 'wx+');
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Bytes that were there, fewer than asked for at the end of the file. */
async function readAll(handle: FileHandle, into: Buffer, position: number): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
