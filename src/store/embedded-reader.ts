// Looks into an embedded store without opening it as a node does: nothing is made, no epoch is taken. LevelDB's lock refuses a
// store that is in use. LevelDB itself tidies up at every opening, and would throw damaged writes away with the proof of
// it: where its write-ahead log is damaged, the store is not opened at all.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { GroupId, InstanceId } from '../core/ids.js';
import { StoreUnusable } from '../engine/errors.js';
import type { LogRecord, StoredGroup } from '../engine/log-store.js';
import type { Reading, StoreReader } from '../engine/rescue/store-reader.js';
import { mustBeName } from './block.js';
import { BlockFiles } from './block-files.js';
import type { Level } from './embedded-rows.js';
import { levelLog, levelRows } from './embedded-rows.js';
import { judge } from './judge.js';
import { HEAD_KEY, IDENTITY_KEY, logPrefix } from './keys.js';
import { Ledger } from './ledger.js';
import type { NamedRow } from './load-group.js';
import { decodeVariables, loadGroup } from './load-group.js';
import { readLog } from './read-log.js';
import { checkWriteAheadLogs } from './wal-check.js';

const AS_IT_IS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false,
  createIfMissing: false,
} as const;

export class EmbeddedReader implements StoreReader {
  readonly kind = 'embedded';
  readonly #directory: string;
  readonly #blocks: BlockFiles;
  #db: Level | null = null;
  #ledger = new Ledger();

  constructor(directory: string) {
    this.#directory = resolve(directory);
    this.#blocks = new BlockFiles(join(this.#directory, 'checkpoints'));
  }

  async open(): Promise<Reading> {
    const files = await readdir(this.#directory).catch((): string[] => []);
    if (!files.includes('CURRENT')) throw new StoreUnusable(`there is no embedded store in ${this.#directory}`);
    const defect = await checkWriteAheadLogs(this.#directory);
    if (defect !== null) throw new StoreUnusable(`${this.#words} is damaged, or in use by a running node: ${defect}`);
    const db: Level = new ClassicLevel<Buffer, Buffer>(this.#directory, AS_IT_IS);
    try {
      await db.open();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
      const isLocked = 'code' in cause && cause.code === 'LEVEL_LOCKED';
      const why = isLocked ? 'is in use by another process: stop it first' : `cannot be read (${cause.message})`;
      throw new StoreUnusable(`${this.#words} ${why}`, { cause: error });
    }
    this.#db = db;
    const [identityRow, head] = [await db.get(IDENTITY_KEY), await db.get(HEAD_KEY)];
    const judgement = judge({ ...(await levelRows(db, null)), head: head ?? null }, identityRow ?? null);
    if (judgement.state === 'empty') throw new StoreUnusable(`there is no embedded store in ${this.#directory}`);
    if (judgement.state === 'ruined') throw new StoreUnusable(`${this.#words} is damaged: ${judgement.why}`);
    this.#ledger = judgement.ledger;
    return { identity: judgement.identity, epoch: judgement.ledger.epoch, inUse: false };
  }

  async groups(): Promise<readonly GroupId[]> {
    return [...this.#ledger.books.keys()];
  }

  async variables(group: GroupId): Promise<ReadonlyMap<string, string>> {
    return decodeVariables(group, await this.#variableRows(group));
  }

  async load(group: GroupId, from: InstanceId = 0): Promise<StoredGroup> {
    const last = this.#ledger.book(group)?.last ?? 0;
    const rowsFrom = (first: InstanceId) => levelLog(this.#open, logPrefix(group), first, last, true);
    return loadGroup(this.#ledger, group, from, rowsFrom, await this.#variableRows(group));
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    const rowsOf = (first: InstanceId, last: InstanceId) => levelLog(this.#open, logPrefix(group), first, last);
    return readLog(this.#ledger.book(group), from, limit, bytesMax, rowsOf);
  }

  async readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    mustBeName(name);
    return this.#blocks.read(group, name, index);
  }

  async checkpoints(group: GroupId): Promise<readonly string[]> {
    return this.#blocks.names(group);
  }

  async close(): Promise<void> {
    await this.#db?.close();
    this.#db = null;
  }

  async #variableRows(group: GroupId): Promise<readonly NamedRow[]> {
    const { variables } = await levelRows(this.#open, group);
    return variables.map(({ name, row }) => [name, row] as const);
  }

  get #open(): Level {
    if (this.#db === null) throw new Error('the embedded store is not open');
    return this.#db;
  }

  get #words(): string {
    return `the embedded store in ${this.#directory}`;
  }
}
