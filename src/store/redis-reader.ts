// Looks into a node's store in Redis: plain reads, no script, no epoch. A node that runs on it goes on undisturbed, and what is
// read is then of more than one moment; that one runs is told by the name it gives its connection.
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import { StoreUnusable } from '../engine/errors.js';
import type { LogRecord, StoredGroup } from '../engine/log-store.js';
import type { Reading, StoreReader } from '../engine/rescue/store-reader.js';
import { decodeBlock, mustBeName } from './block.js';
import { judge } from './judge.js';
import { blockPlace } from './keys.js';
import { Ledger } from './ledger.js';
import type { LogRow, NamedRow } from './load-group.js';
import { decodeVariables, loadGroup } from './load-group.js';
import { readLog } from './read-log.js';
import { connectionNameOf, parseRedisUrl, RedisConnection } from './redis-connection.js';
import { RedisExtent } from './redis-extent.js';
import { RedisKeys } from './redis-rows.js';

export class RedisReader implements StoreReader {
  readonly kind = 'redis';
  readonly #node: NodeId;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #words: string;
  #ledger = new Ledger();
  #extent = new RedisExtent();

  constructor(url: string, node: NodeId) {
    const address = parseRedisUrl(url);
    this.#node = node;
    this.#keys = new RedisKeys(node);
    this.#connection = new RedisConnection(address);
    this.#words = `the store of node ${node} in Redis at ${address.label}`;
  }

  async open(): Promise<Reading> {
    try {
      await this.#connection.connect();
    } catch (error) {
      throw new StoreUnusable(error instanceof Error ? error.message : String(error), { cause: error });
    }
    const inUse = await this.#isInUse();
    const found = await this.#keys.systemRows(this.#connection);
    this.#extent = await RedisExtent.of(this.#connection, this.#node);
    const judgement = judge({ ...found, logs: this.#extent.logs }, found.identity);
    if (judgement.state === 'empty') throw new StoreUnusable(`there is nothing of ${this.#words}`);
    if (judgement.state === 'ruined') throw new StoreUnusable(`${this.#words} is damaged: ${judgement.why}`);
    this.#ledger = judgement.ledger;
    return { identity: judgement.identity, epoch: judgement.ledger.epoch, inUse };
  }

  async groups(): Promise<readonly GroupId[]> {
    return [...this.#ledger.books.keys()];
  }

  async variables(group: GroupId): Promise<ReadonlyMap<string, string>> {
    return decodeVariables(group, await this.#variableRows(group));
  }

  async load(group: GroupId, from: InstanceId = 0): Promise<StoredGroup> {
    const rowsFrom = (first: InstanceId) => this.#rows(group, first);
    return loadGroup(this.#ledger, group, from, rowsFrom, await this.#variableRows(group));
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    const rowsOf = (first: InstanceId, last: InstanceId) => this.#keys.log(this.#connection, group, first, last);
    return readLog(this.#ledger.book(group), from, limit, bytesMax, rowsOf);
  }

  async readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    mustBeName(name);
    const row = await this.#connection.binary('HGET', this.#keys.checkpoint(group, name), String(index));
    return Buffer.isBuffer(row) ? decodeBlock(blockPlace(group, name, index), Buffer.from(row)) : null;
  }

  async checkpoints(group: GroupId): Promise<readonly string[]> {
    return this.#extent.checkpoints(group);
  }

  async close(): Promise<void> {
    this.#connection.disconnect();
  }

  /** Where Redis does not list its clients, nothing can be told. */
  async #isInUse(): Promise<boolean> {
    try {
      const clients = String(await this.#connection.text('CLIENT', 'LIST'));
      return clients.split(/\s/).includes(`name=${connectionNameOf(this.#node)}`);
    } catch {
      return false;
    }
  }

  #rows(group: GroupId, from: InstanceId): AsyncIterable<readonly LogRow[]> {
    const book = this.#ledger.book(group);
    if (book?.known === false) {
      return this.#keys.segmentsLog(this.#connection, group, this.#extent.segments(group));
    }
    return this.#keys.log(this.#connection, group, from, book?.last ?? -1);
  }

  async #variableRows(group: GroupId): Promise<readonly NamedRow[]> {
    const { variables } = await this.#keys.systemRows(this.#connection);
    return variables.filter((row) => row.group === group).map(({ name, row }) => [name, row] as const);
  }
}
