// The blocks of checkpoints on a MemoryDisk. A block that was put is there for its own process at once and outlives a
// crash only when it was synced, or by luck. Single blocks can be garbled or taken away, to stand in for media that fail.
import type { GroupId } from '../core/ids.js';

interface MemoryBlock {
  readonly bytes: Uint8Array;
  synced: boolean;
  garbled: boolean;
}

type Checkpoint = Map<number, MemoryBlock>;

export class MemoryBlocks {
  readonly #groups = new Map<GroupId, Map<string, Checkpoint>>();

  put(group: GroupId, name: string, index: number, bytes: Uint8Array): void {
    const names = this.#groups.get(group) ?? new Map<string, Checkpoint>();
    this.#groups.set(group, names);
    const checkpoint: Checkpoint = names.get(name) ?? new Map();
    names.set(name, checkpoint);
    checkpoint.set(index, { bytes: bytes.slice(), synced: false, garbled: false });
  }

  sync(group: GroupId, name: string): void {
    for (const block of this.#groups.get(group)?.get(name)?.values() ?? []) block.synced = true;
  }

  read(group: GroupId, name: string, index: number): Uint8Array | null {
    const block = this.#groups.get(group)?.get(name)?.get(index);
    return block === undefined || block.garbled ? null : block.bytes.slice();
  }

  names(group: GroupId): string[] {
    return [...(this.#groups.get(group)?.keys() ?? [])];
  }

  drop(group: GroupId, name: string): void {
    this.#groups.get(group)?.delete(name);
  }

  /** What was not synced is gone, but for what `keeps` names. */
  crash(keeps: (group: GroupId, name: string, index: number) => boolean = () => false): void {
    for (const [group, names] of this.#groups) {
      for (const [name, checkpoint] of names) {
        for (const [index, block] of checkpoint) {
          if (!block.synced && !keeps(group, name, index)) checkpoint.delete(index);
        }
        if (checkpoint.size === 0) names.delete(name);
      }
    }
  }

  clear(): void {
    this.#groups.clear();
  }

  /** A byte of this block is not what was put. */
  flip(group: GroupId, name: string, index: number): void {
    const block = this.#groups.get(group)?.get(name)?.get(index);
    if (block !== undefined) block.garbled = true;
  }

  /** The medium has forgotten this block without a word. */
  lose(group: GroupId, name: string, index: number): void {
    this.#groups.get(group)?.get(name)?.delete(index);
  }

  /** Bytes that its blocks take. */
  get bytes(): number {
    let bytes = 0;
    for (const names of this.#groups.values()) {
      for (const checkpoint of names.values()) for (const block of checkpoint.values()) bytes += block.bytes.byteLength;
    }
    return bytes;
  }
}
