// The log store in a directory of its own: LevelDB (classic-level), one database per node, one synced batch per commit.
//
// Promises the whole LogStore contract with one writer per directory: LevelDB's lock refuses a second process, so the
// fence of this store is the lock, and its epochs are counted for the engine only.
//
// LevelDB verifies next to nothing by itself: after one flipped byte it drops records of its write-ahead log in silence,
// or returns a garbled value. Every row therefore carries its own checksum, and the rows check each other (ledger.ts): a
// row that is garbled, lost, or rolled back to an older version is found at open or load. The write-ahead log is read
// before LevelDB sees it (wal-check.ts), because what LevelDB drops from its end leaves the rest in perfect order.
//
// What cannot be found out: a write-ahead log cut short exactly at its end. That is also what is left of a commit that
// was never acknowledged when the machine lost its power, and must be taken for it.
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { GroupId, InstanceId } from '../core/ids.js';
import { StoreUnusable } from '../engine/errors.js';
import type { GroupWrites, LogRecord, LogStore, StoredGroup, StoreOpening } from '../engine/log-store.js';
import { mustBeBlock, mustBeName } from './block.js';
import { BlockFiles } from './block-files.js';
import { makeDurableDirectory } from './durable-directory.js';
import type { Level } from './embedded-rows.js';
import { isCorruption, levelLog, levelRows } from './embedded-rows.js';
import { judge } from './judge.js';
import { HEAD_KEY, IDENTITY_KEY, logPrefix, recordKey } from './keys.js';
import type { RowSink } from './ledger.js';
import { Ledger } from './ledger.js';
import type { NamedRow } from './load-group.js';
import { decodeVariables, loadGroup } from './load-group.js';
import { readLog } from './read-log.js';
import { encodeIdentity } from './record.js';
import { checkWriteAheadLogs } from './wal-check.js';

const DURABLE = { sync: true } as const;
/** Bytes of tables that may hold nothing but trimmed records, per group. */
const GARBAGE_BYTES_MAX = 2 * 1024 * 1024;
const OPENABLE = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false } as const;

export class EmbeddedStore implements LogStore {
  readonly kind = 'embedded';
  readonly durable = true;
  readonly warnings: readonly string[] = [];
  readonly directory: string;
  readonly #blocks: BlockFiles;
  #db: Level | null = null;
  #ledger = new Ledger();
  #state: 'new' | 'open' | 'broken' | 'closed' = 'new';
  /** Flushes and trims one after the other: each is written against the books the one before left. */
  #tail: Promise<void> = Promise.resolve();
  /** What this process was last told is durable; a store that knows less has forgotten. */
  #acknowledged = 0;

  constructor(directory: string) {
    this.directory = resolve(directory);
    this.#blocks = new BlockFiles(join(this.directory, 'checkpoints'));
  }

  async open(): Promise<StoreOpening> {
    if (this.#state === 'closed') throw new Error('the embedded store is closed');
    await this.#letGo();
    try {
      await makeDurableDirectory(this.directory);
      const defect = await checkWriteAheadLogs(this.directory);
      const db: Level = new ClassicLevel<Buffer, Buffer>(this.directory, OPENABLE);
      await db.open();
      this.#db = db;
      const opening = await this.#begin(db, defect);
      this.#state = 'open';
      return opening;
    } catch (error) {
      await this.#letGo();
      throw error instanceof StoreUnusable ? error : new StoreUnusable(this.#refusal(error), { cause: error });
    }
  }

  reopen(): Promise<StoreOpening> {
    return this.open();
  }

  /** The lock of the directory is held for as long as it is open. */
  async holds(): Promise<void> {
    this.#writable();
  }

  async groups(): Promise<readonly GroupId[]> {
    this.#readable();
    return [...this.#ledger.books.keys()];
  }

  async variables(group: GroupId): Promise<ReadonlyMap<string, string>> {
    return decodeVariables(group, await namedRows(this.#readable(), group));
  }

  async load(group: GroupId, from: InstanceId = 0): Promise<StoredGroup> {
    const db = this.#readable();
    const last = this.#ledger.book(group)?.last ?? 0;
    const rowsFrom = (first: InstanceId) => levelLog(db, logPrefix(group), first, last, true);
    try {
      return await loadGroup(this.#ledger, group, from, rowsFrom, await namedRows(db, group));
    } catch (error) {
      throw isCorruption(error) ? new StoreUnusable(this.#damaged(String(error)), { cause: error }) : error;
    }
  }

  commit(batch: readonly GroupWrites[]): Promise<void> {
    return this.#flush((sink) => this.#ledger.compile(batch, sink));
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    const db = this.#readable();
    const rowsOf = (first: InstanceId, last: InstanceId) => levelLog(db, logPrefix(group), first, last);
    return readLog(this.#ledger.book(group), from, limit, bytesMax, rowsOf);
  }

  async trim(group: GroupId, before: InstanceId): Promise<void> {
    const db = this.#writable();
    const prefix = logPrefix(group);
    // First it is durable that they are gone, then they go. What a crash leaves over is cleared by the next trim.
    await this.#flush((sink) => this.#ledger.trim(group, before, sink));
    const first = this.#ledger.book(group)?.first ?? 0;
    const [start, end] = [recordKey(prefix, 0), recordKey(prefix, Math.min(before, first))];
    await db.clear({ gte: start, lt: end });
    // LevelDB would keep their bytes until it comes by, and read over them at every start.
    if ((await db.approximateSize(start, end)) >= GARBAGE_BYTES_MAX) await db.compactRange(start, end);
  }

  async putBlock(group: GroupId, name: string, index: number, bytes: Uint8Array): Promise<void> {
    mustBeBlock(name, index, bytes);
    this.#writable();
    await this.#blocks.put(group, name, index, bytes);
  }

  async syncBlocks(group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    this.#writable();
    await this.#blocks.sync(group, name);
  }

  async readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    mustBeName(name);
    this.#readable();
    return this.#blocks.read(group, name, index);
  }

  async checkpoints(group: GroupId): Promise<readonly string[]> {
    this.#readable();
    return this.#blocks.names(group);
  }

  async dropCheckpoint(group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    this.#writable();
    await this.#blocks.drop(group, name);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#letGo();
  }

  /** When what is under way has ended, nothing of this opening is held any more. */
  async #letGo(): Promise<void> {
    await this.#tail;
    await this.#blocks.close();
    await this.#db?.close();
    this.#db = null;
  }

  /** Reads and judges the store's own rows, and takes the next epoch. */
  async #begin(db: Level, defect: string | null): Promise<StoreOpening> {
    const found = await levelRows(db, null);
    const [identityRow, head] = [await db.get(IDENTITY_KEY), await db.get(HEAD_KEY)];
    const judgement = judge({ ...found, head: head ?? null }, identityRow ?? null);
    if (judgement.state === 'ruined') throw new StoreUnusable(this.#damaged(judgement.why));
    const { ledger } = judgement;
    const fresh = judgement.state === 'empty';
    const identity = judgement.state === 'empty' ? randomUUID() : judgement.identity;
    if (fresh && defect !== null) throw new StoreUnusable(this.#damaged(defect));
    if (fresh && (await readdir(this.directory)).some((name) => name.endsWith('.ldb'))) {
      throw new StoreUnusable(this.#damaged('its tables hold nothing'));
    }
    if (ledger.flush < this.#acknowledged) ledger.doubt('the store forgot acknowledged writes');
    if (defect !== null) ledger.doubt(defect);
    const batch = db.batch();
    if (fresh) batch.put(IDENTITY_KEY, encodeIdentity(IDENTITY_KEY, identity));
    ledger.begin(ledger.epoch + 1, sinkOf(batch));
    await batch.write(DURABLE);
    this.#ledger = ledger;
    this.#acknowledged = ledger.flush;
    return { identity, epoch: ledger.epoch, fresh, ...(defect === null ? {} : { notes: [defect] }) };
  }

  /** One synced batch. `fill` returns false when there is nothing to write. */
  #flush(fill: (sink: RowSink) => boolean): Promise<void> {
    const work = this.#tail.then(async () => {
      const db = this.#writable();
      const batch = db.batch();
      try {
        if (!fill(sinkOf(batch))) {
          await batch.close();
          return;
        }
        await batch.write(DURABLE);
        this.#acknowledged = this.#ledger.flush;
      } catch (error) {
        if (this.#state === 'open') this.#state = 'broken';
        throw error;
      }
    });
    // Whoever committed hears of the failure; who comes next finds the store broken.
    this.#tail = work.catch(() => undefined);
    return work;
  }

  #writable(): Level {
    if (this.#state === 'broken') throw new Error('the last flush failed: reopen the store first');
    if (this.#db === null) throw new Error(`the embedded store is not open (${this.#state})`);
    return this.#db;
  }

  #readable(): Level {
    if (this.#db === null) throw new Error(`the embedded store is not open (${this.#state})`);
    return this.#db;
  }

  #damaged(what: string): string {
    return `the embedded store in ${this.directory} is damaged (${what}): move the directory away and re-admit this node`;
  }

  #refusal(error: unknown): string {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const detail = cause instanceof Error ? cause.message : String(cause);
    if (code === 'LEVEL_LOCKED') {
      return `the store directory ${this.directory} is in use by another process: stop it, or choose another directory`;
    }
    if (code === 'LEVEL_CORRUPTION') return this.#damaged(detail);
    return `the store directory ${this.directory} cannot be used (${detail}): make it writable, or choose another directory`;
  }
}

function sinkOf(batch: ReturnType<Level['batch']>): RowSink {
  const put = (place: Buffer, row: Buffer): void => {
    batch.put(place, row);
  };
  return {
    record: (_group, _instance, place, row) => put(place, row),
    variable: (_group, _name, place, row) => put(place, row),
    group: (_group, place, row) => put(place, row),
    head: put,
  };
}

async function namedRows(db: Level, group: GroupId): Promise<readonly NamedRow[]> {
  const { variables } = await levelRows(db, group);
  return variables.map(({ name, row }) => [name, row] as const);
}
