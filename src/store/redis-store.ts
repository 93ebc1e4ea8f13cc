// The log store in a Redis that is used as a disk: append-only file, fsync always, checked at every opening.
//
// One script call per flush (commit.lua): it checks the fence, then writes everything, atomically. Each opening takes the
// next epoch by compare-and-set (open.lua), so a script that is still on its way over an old connection, or a process
// that was replaced, finds its epoch over and writes nothing. The connection never queues, reconnects or re-sends by
// itself; after any failure the engine reopens, and everything is read and judged again.
//
// The append-only file has no checksums: after a flipped byte Redis refuses to start, or starts with a garbled, missing or
// older row. The rows find that out by themselves, as in the embedded store (ledger.ts). What cannot be found out: an
// append-only file cut short exactly between two flushes (redis-check-aof --fix does that), while this node was down. In
// the same process it is found, because the process remembers what was acknowledged to it.
import { randomUUID } from 'node:crypto';
import type { GroupId, InstanceId, NodeId, StoreId } from '../core/ids.js';
import { StoreFenced, StoreUnusable } from '../engine/errors.js';
import type { GroupWrites, LogRecord, LogStore, StoredGroup, StoreOpening } from '../engine/log-store.js';
import { decodeBlock, encodeBlock, mustBeBlock, mustBeName } from './block.js';
import { judge } from './judge.js';
import { blockPlace, IDENTITY_KEY } from './keys.js';
import { Ledger, type RowSink } from './ledger.js';
import { decodeVariables, type LogRow, loadGroup } from './load-group.js';
import { readLog } from './read-log.js';
import { encodeIdentity } from './record.js';
import type { RedisAddress, RedisArgument } from './redis-connection.js';
import { connectionNameOf, parseRedisUrl, RedisConnection, RedisScript } from './redis-connection.js';
import { checkDurability, type Durability, neighbours, type RedisServer } from './redis-durability.js';
import { RedisExtent } from './redis-extent.js';
import { RedisFlush } from './redis-flush.js';
import { RedisKeys } from './redis-rows.js';
import { suspect } from './redis-suspicion.js';
import { RedisWords } from './redis-words.js';

export interface RedisStoreOptions {
  readonly node: NodeId;
  readonly allowUnsafe: boolean;
}

const OPEN_ATTEMPTS = 3;
const TRIM_KEYS_MAX = 500;

const OPEN = new RedisScript('open');
const COMMIT = new RedisScript('commit');
const TRIM = new RedisScript('trim');
const PUT_BLOCK = new RedisScript('put-block');
const DROP_CHECKPOINT = new RedisScript('drop-checkpoint');

export class RedisStore implements LogStore {
  readonly kind = 'redis';
  readonly #address: RedisAddress;
  readonly #options: RedisStoreOptions;
  readonly #keys: RedisKeys;
  readonly #words: RedisWords;
  /** This process, as its openings name it: whether an opening whose answer was lost was its own can be told. */
  readonly #opener = randomUUID();
  #connection: RedisConnection | null = null;
  #ledger = new Ledger();
  #state: 'new' | 'open' | 'broken' | 'closed' = 'new';
  #tail: Promise<void> = Promise.resolve();
  #acknowledged = 0;
  #identity: StoreId | null = null;
  #extent = new RedisExtent();
  #useWaitAof = false;
  #durable = true;
  #warnings: readonly string[] = [];

  constructor(url: string, options: RedisStoreOptions) {
    this.#address = parseRedisUrl(url);
    this.#options = options;
    this.#keys = new RedisKeys(options.node);
    this.#words = new RedisWords(this.#address.label, options.node);
  }

  get durable(): boolean {
    return this.#durable;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  open(): Promise<StoreOpening> {
    return this.#open(true);
  }

  /** Of two processes the newer one keeps the store: this one may go on only if nobody has opened it since. */
  reopen(): Promise<StoreOpening> {
    return this.#open(this.#identity === null);
  }

  async #open(takesOver: boolean): Promise<StoreOpening> {
    if (this.#state === 'closed') throw new Error('the Redis store is closed');
    this.#connection?.disconnect();
    await this.#tail;
    const connection = new RedisConnection(this.#address, connectionNameOf(this.#options.node));
    this.#connection = connection;
    this.#state = 'broken';
    try {
      await connection.connect();
      const durability = await this.#checked(connection);
      for (let attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
        const opening = await this.#begin(connection, durability.server, takesOver);
        if (opening === null) continue;
        this.#state = 'open';
        return opening;
      }
      throw new StoreUnusable(this.#words.crowded());
    } catch (error) {
      connection.disconnect();
      if (error instanceof StoreUnusable || error instanceof StoreFenced) throw error;
      throw new StoreUnusable(`${error instanceof Error ? error.message : error}: start it, or correct PAXMESH_STORE`);
    }
  }

  async holds(): Promise<void> {
    const epoch = await this.#writable().text('HGET', this.#keys.system, 'epoch');
    if (epoch !== String(this.#ledger.epoch)) throw new StoreFenced(this.#words.fenced());
  }

  async groups(): Promise<readonly GroupId[]> {
    this.#readable();
    return [...this.#ledger.books.keys()];
  }

  async variables(group: GroupId): Promise<ReadonlyMap<string, string>> {
    return decodeVariables(group, await this.#keys.variableRows(this.#readable(), group));
  }

  async load(group: GroupId, from: InstanceId = 0): Promise<StoredGroup> {
    const connection = this.#readable();
    const rowsFrom = (first: InstanceId) => this.#rows(connection, group, first);
    return loadGroup(this.#ledger, group, from, rowsFrom, await this.#keys.variableRows(connection, group));
  }

  commit(batch: readonly GroupWrites[]): Promise<void> {
    return this.#flush((sink) => this.#ledger.compile(batch, sink));
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    const connection = this.#readable();
    const rowsOf = (first: InstanceId, last: InstanceId) => this.#keys.log(connection, group, first, last);
    return readLog(this.#ledger.book(group), from, limit, bytesMax, rowsOf);
  }

  async trim(group: GroupId, before: InstanceId): Promise<void> {
    const connection = this.#writable();
    // First it is durable that they are gone, then they go. What a crash leaves over goes with the next trim.
    await this.#flush((sink) => this.#ledger.trim(group, before, sink));
    const { whole, cut, part } = this.#extent.below(group, Math.min(before, this.#ledger.book(group)?.first ?? 0));
    for (let at = 0; at < whole.length || (at === 0 && part.length > 0); at += TRIM_KEYS_MAX) {
      const gone = whole.slice(at, at + TRIM_KEYS_MAX);
      const keys = [cut, ...gone].map((segment) => this.#keys.segment(group, segment));
      await this.#act(connection, TRIM, keys, at === 0 ? part : []);
      this.#extent.removeSegments(group, gone);
    }
  }

  async putBlock(group: GroupId, name: string, index: number, bytes: Uint8Array): Promise<void> {
    mustBeBlock(name, index, bytes);
    const connection = this.#writable();
    const row = encodeBlock(blockPlace(group, name, index), bytes);
    this.#extent.addCheckpoint(group, name);
    await this.#act(connection, PUT_BLOCK, [this.#keys.checkpoint(group, name)], [String(index), row]);
  }

  /** With its settings checked, the server has synced each block before it answered. */
  async syncBlocks(_group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    await this.#waitAof(this.#writable());
  }

  async readBlock(group: GroupId, name: string, index: number): Promise<Uint8Array | null> {
    mustBeName(name);
    const row = await this.#readable().binary('HGET', this.#keys.checkpoint(group, name), String(index));
    return Buffer.isBuffer(row) ? decodeBlock(blockPlace(group, name, index), Buffer.from(row)) : null;
  }

  async checkpoints(group: GroupId): Promise<readonly string[]> {
    this.#readable();
    return this.#extent.checkpoints(group);
  }

  async dropCheckpoint(group: GroupId, name: string): Promise<void> {
    mustBeName(name);
    await this.#act(this.#writable(), DROP_CHECKPOINT, [this.#keys.checkpoint(group, name)], []);
    this.#extent.removeCheckpoint(group, name);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#tail;
    this.#connection?.disconnect();
    this.#connection = null;
  }

  async #checked(connection: RedisConnection): Promise<Durability> {
    const durability = await checkDurability(connection, this.#address.declaredDurable);
    const { problems } = durability;
    const refusal = `the ${this.#words.label} may lose acknowledged writes: ${problems.join('; ')}`;
    if (problems.length > 0 && !this.#options.allowUnsafe) throw new StoreUnusable(refusal);
    this.#durable = problems.length === 0;
    this.#useWaitAof = durability.useWaitAof;
    const others = await neighbours(connection, this.#options.node);
    const shared = `single failure domain: the ${this.#words.label} also holds the stores of ${others.join(', ')}`;
    this.#warnings = [
      ...durability.warnings,
      ...problems.map((problem) => `acknowledged writes may be lost: the ${this.#words.label}: ${problem}`),
      ...(others.length > 0 ? [shared] : []),
    ];
    return durability;
  }

  /** Reads and judges what is there and takes the next epoch. null: another opening came between. */
  async #begin(connection: RedisConnection, server: RedisServer, takesOver: boolean): Promise<StoreOpening | null> {
    const found = await this.#keys.systemRows(connection);
    const extent = await RedisExtent.of(connection, this.#options.node);
    const judgement = judge({ ...found, logs: extent.logs }, found.identity);
    if (judgement.state === 'ruined') throw new StoreUnusable(this.#words.damaged(judgement.why));
    if (judgement.state === 'empty' && found.epoch !== '')
      throw new StoreUnusable(this.#words.damaged('its identity is gone'));
    const fresh = judgement.state === 'empty';
    const identity = judgement.state === 'empty' ? randomUUID() : judgement.identity;
    if (this.#identity !== null && this.#identity !== identity) throw new StoreUnusable(this.#words.forgotten(fresh));
    if (!takesOver && found.opener !== '' && found.opener !== this.#opener) throw new StoreFenced(this.#words.fenced());
    const { ledger } = judgement;
    const notes = fresh ? [] : suspect(ledger, found, server, this.#acknowledged);
    const flush = new RedisFlush(this.#keys, extent);
    if (fresh) flush.system('identity', encodeIdentity(IDENTITY_KEY, identity));
    flush.system('server', server.runId);
    flush.system('opener', this.#opener);
    const epochBefore = Number(found.epoch);
    ledger.begin(Math.max(ledger.epoch, Number.isSafeInteger(epochBefore) ? epochBefore : 0) + 1, flush.sink);
    const args = [found.epoch, String(ledger.epoch), String(ledger.flush), ...flush.systemArgs];
    if ((await connection.run(OPEN, [this.#keys.system], args)) !== 'ok') return null;
    await this.#waitAof(connection);
    this.#ledger = ledger;
    this.#identity = identity;
    this.#extent = extent;
    this.#acknowledged = ledger.flush;
    return { identity, epoch: ledger.epoch, fresh, ...(notes.length > 0 ? { notes } : {}) };
  }

  #flush(fill: (sink: RowSink) => boolean): Promise<void> {
    const work = this.#tail.then(async () => {
      const connection = this.#writable();
      const flush = new RedisFlush(this.#keys, this.#extent);
      const before = this.#ledger.flush;
      try {
        if (!fill(flush.sink)) return;
        const args = flush.args(this.#ledger.epoch, before, this.#ledger.flush);
        const [answer] = await Promise.all([connection.run(COMMIT, flush.keys, args), this.#waitAof(connection)]);
        if (answer === 'fenced') throw new StoreFenced(this.#words.fenced());
        if (answer !== 'ok')
          throw new Error(`the ${this.#words.label} refused a flush: the store in it is ${String(answer)}`);
        this.#acknowledged = this.#ledger.flush;
      } catch (error) {
        if (this.#state === 'open' && this.#connection === connection) this.#state = 'broken';
        throw error;
      }
    });
    // Whoever committed hears of the failure; who comes next finds the store broken.
    this.#tail = work.catch(() => undefined);
    return work;
  }

  /** Where the settings cannot be read, the server itself says when the flush is on its disk. */
  async #waitAof(connection: RedisConnection): Promise<void> {
    if (!this.#useWaitAof) return;
    if (!(await connection.waitAof())) throw new Error(`the ${this.#words.label} did not sync its file in time`);
  }

  #rows(connection: RedisConnection, group: GroupId, from: InstanceId): AsyncIterable<readonly LogRow[]> {
    const book = this.#ledger.book(group);
    // Without a readable row of the group there is only what its segments hold.
    if (book?.known === false) return this.#keys.segmentsLog(connection, group, this.#extent.segments(group));
    return this.#keys.log(connection, group, from, book?.last ?? -1);
  }

  /** One fenced script that needs no flush: its first key is the system hash, its first argument the epoch. */
  async #act(
    connection: RedisConnection,
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<void> {
    const answer = await connection.run(script, [this.#keys.system, ...keys], [String(this.#ledger.epoch), ...args]);
    if (answer === 'fenced') throw new StoreFenced(this.#words.fenced());
    if (answer !== 'ok')
      throw new Error(`the ${this.#words.label} refused to write: the store in it is ${String(answer)}`);
  }

  #writable(): RedisConnection {
    if (this.#state === 'broken') throw new Error('the last flush failed: reopen the store first');
    return this.#readable();
  }

  #readable(): RedisConnection {
    if (this.#connection === null) throw new Error(`the Redis store is not open (${this.#state})`);
    return this.#connection;
  }
}
