// The store in memory: one process' life on a MemoryDisk. Same contract as the stores on disk, except that `durable` is
// false for the world. The simulator runs this very class, with faults injected through MemoryFaults; it has no timers
// and no chance of its own, so a run with the same faults is the same run.
import { NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId, StoreId } from '../core/ids.js';
import { StoreFenced, StoreUnusable } from '../engine/errors.js';
import type { Damage, GroupWrites, LogRecord, LogStore, StoredGroup, StoreOpening } from '../engine/log-store.js';
import { mustBeBlock, mustBeName } from './block.js';
import { LogCheck } from './log-check.js';
import type { MemoryBlocks } from './memory-blocks.js';
import type { MemoryDisk } from './memory-disk.js';

/** Where a test may step in. Every hook may take its time; a hook that rejects makes the call reject. */
export interface MemoryFaults {
  /** A commit is under way and nothing of it is durable. Rejecting here loses all of it. */
  beforeDurable?(batch: readonly GroupWrites[]): Promise<void>;
  /** All of it is durable and the caller does not know. Rejecting here leaves the caller in the dark. */
  afterDurable?(batch: readonly GroupWrites[]): Promise<void>;
  /** A block is about to be written, or those of a checkpoint to be synced, or to be dropped. */
  beforeBlocks?(group: GroupId, name: string): Promise<void>;
  /** At an opening: is this block there although it was never synced? Without the hook none is. */
  keepsUnsynced?(group: GroupId, name: string, index: number): boolean;
}

const NO_FAULTS: MemoryFaults = {};

export class MemoryStore implements LogStore {
  readonly kind = 'memory';
  readonly durable = false;
  readonly warnings: readonly string[] = ['memory: nothing outlives this process'];
  readonly #disk: MemoryDisk;
  readonly #faults: MemoryFaults;
  #epoch = 0;
  #identity: StoreId | null = null;
  #state: 'new' | 'open' | 'broken' | 'closed' | 'crashed' = 'new';
  #inFlight: Promise<void> | null = null;

  constructor(disk: MemoryDisk, faults: MemoryFaults = NO_FAULTS) {
    this.#disk = disk;
    this.#faults = faults;
  }

  async open(): Promise<StoreOpening> {
    if (this.#state === 'closed' || this.#state === 'crashed') throw new Error(`the memory store is ${this.#state}`);
    const disk = this.#disk;
    if (disk.unusable !== null) throw new StoreUnusable(disk.unusable);
    const fresh = disk.epoch === 0;
    disk.epoch += 1;
    // Whoever wrote them is gone, or is told so by now: what was not synced may be lost.
    disk.blocks.crash(this.#faults.keepsUnsynced);
    this.#epoch = disk.epoch;
    this.#identity = disk.identity;
    this.#state = 'open';
    return { identity: disk.identity, epoch: disk.epoch, fresh };
  }

  reopen(): Promise<StoreOpening> {
    const { epoch, identity, unusable } = this.#disk;
    const isTaken = unusable === null && identity === this.#identity && epoch !== this.#epoch;
    return isTaken ? Promise.reject(this.#fenced(this.#epoch)) : this.open();
  }

  /** kill -9: what is in flight and not yet durable never will be. For tests. */
  crash(): void {
    this.#state = 'crashed';
  }

  async holds(): Promise<void> {
    this.#mustBeOpen();
    this.#mustHold(this.#epoch);
  }

  async groups(): Promise<readonly GroupId[]> {
    this.#mustBeReadable();
    return [...this.#disk.groups.keys()];
  }

  async variables(group: GroupId): Promise<ReadonlyMap<string, string>> {
    this.#mustBeReadable();
    return new Map(this.#disk.groups.get(group)?.variables);
  }

  async load(group: GroupId, from: InstanceId = 0): Promise<StoredGroup> {
    this.#mustBeReadable();
    const held = this.#disk.groups.get(group);
    if (held === undefined) return { promised: NO_BALLOT, firstKept: 0, last: null, variables: new Map(), damage: [] };
    const check = new LogCheck({
      first: Math.max(held.first, Math.min(from, held.last)),
      last: held.last,
      lastCrc: null,
    });
    for (const instance of [...held.records.keys()].sort((a, b) => a - b)) {
      check.see(instance, held.garbled.has(instance) ? null : { crc: 0, link: null, flush: 0 });
    }
    check.finish();
    const damage: Damage[] = [...check.damage];
    if (held.promiseGarbled) damage.push(lost('the promise fails its checksum'));
    else if (held.voteLost !== null && !damage.some((found) => found.hidesVote)) damage.push(lost(held.voteLost));
    held.voteLost = damage.find((found) => found.hidesVote)?.detail ?? null;
    const last = check.lastGood === null ? undefined : held.records.get(check.lastGood);
    return {
      promised: held.promiseGarbled ? NO_BALLOT : { ...held.promised },
      firstKept: held.first,
      last: last === undefined ? null : copyOf(last),
      variables: new Map(held.variables),
      damage,
    };
  }

  commit(batch: readonly GroupWrites[]): Promise<void> {
    const work = this.#commit(batch);
    this.#inFlight = work;
    return work;
  }

  async #commit(batch: readonly GroupWrites[]): Promise<void> {
    this.#mustBeOpen();
    const epoch = this.#epoch;
    try {
      if (this.#faults.beforeDurable !== undefined) await this.#faults.beforeDurable(batch);
      if (this.#state === 'crashed') throw new Error('the memory store is crashed');
      if (this.#disk.unusable !== null) throw new StoreUnusable(this.#disk.unusable);
      this.#mustHold(epoch);
      this.#disk.apply(batch);
      if (this.#faults.afterDurable !== undefined) await this.#faults.afterDurable(batch);
    } catch (error) {
      // Only the life this commit belongs to is broken: a reopen may have gone by while it waited.
      if (this.#state === 'open' && epoch === this.#epoch) this.#state = 'broken';
      throw error;
    }
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    this.#mustBeReadable();
    const held = this.#disk.groups.get(group);
    const found: LogRecord[] = [];
    if (held === undefined || from < held.first) return found;
    let bytes = 0;
    for (let instance = from; found.length < limit; instance++) {
      const record = held.records.get(instance);
      if (record === undefined || held.garbled.has(instance)) break;
      bytes += record.value.bytes.byteLength;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(copyOf(record));
    }
    return found;
  }

  async trim(group: GroupId, before: InstanceId): Promise<void> {
    this.#mustBeOpen();
    this.#mustHold(this.#epoch);
    this.#disk.trim(group, before);
  }

  async putBlock(group: GroupId, name: string, index: number, bytes: Uint8Array): Promise<void> {
    mustBeBlock(name, index, bytes);
    await this.#onBlocks(group, name, (blocks) => blocks.put(group, name, index, bytes));
  }

  async syncBlocks(group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    await this.#onBlocks(group, name, (blocks) => blocks.sync(group, name));
  }

  async readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    mustBeName(name);
    this.#mustBeReadable();
    return this.#disk.blocks.read(group, name, index);
  }

  async checkpoints(group: GroupId): Promise<readonly string[]> {
    this.#mustBeReadable();
    return this.#disk.blocks.names(group);
  }

  async dropCheckpoint(group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    await this.#onBlocks(group, name, (blocks) => blocks.drop(group, name));
  }

  async #onBlocks(group: GroupId, name: string, work: (blocks: MemoryBlocks) => void): Promise<void> {
    this.#mustBeOpen();
    const epoch = this.#epoch;
    if (this.#faults.beforeBlocks !== undefined) await this.#faults.beforeBlocks(group, name);
    if (this.#state === 'crashed') throw new Error('the memory store is crashed');
    if (this.#disk.unusable !== null) throw new StoreUnusable(this.#disk.unusable);
    this.#mustHold(epoch);
    work(this.#disk.blocks);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    // Its failure was told to who committed.
    await this.#inFlight?.catch(() => undefined);
    this.#state = 'closed';
  }

  #mustHold(epoch: number): void {
    if (epoch === this.#disk.epoch && this.#identity === this.#disk.identity) return;
    throw this.#fenced(epoch);
  }

  #fenced(epoch: number): StoreFenced {
    return new StoreFenced(`epoch ${epoch} is over: the memory store was opened again, or wiped`);
  }

  #mustBeOpen(): void {
    if (this.#state === 'broken') throw new Error('the last commit failed: reopen the store first');
    if (this.#state !== 'open') throw new Error(`the memory store is not open (${this.#state})`);
  }

  #mustBeReadable(): void {
    if (this.#state !== 'open' && this.#state !== 'broken') {
      throw new Error(`the memory store is not open (${this.#state})`);
    }
  }
}

function lost(detail: string): Damage {
  return { instance: null, hidesVote: true, detail };
}

function copyOf(record: LogRecord): LogRecord {
  return { ...record, value: { id: record.value.id, bytes: record.value.bytes.slice() } };
}
