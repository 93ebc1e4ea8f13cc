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
import type { GroupWrites, LogRecord, LogStore, StoredGroup, StoreOpening } from '../engine/ports.js';
import { judge } from './judge.js';
import { IDENTITY_KEY, recordKey } from './keys.js';
import type { RowSink } from './ledger.js';
import { Ledger } from './ledger.js';
import type { LogRow } from './load-group.js';
import { loadGroup } from './load-group.js';
import { decodeRecord, encodeIdentity } from './record.js';
import type { RedisAddress } from './redis-connection.js';
import { parseRedisUrl, RedisConnection, RedisScript } from './redis-connection.js';
import type { Durability, RedisServer } from './redis-durability.js';
import { checkDurability, neighbours } from './redis-durability.js';
import { RedisFlush } from './redis-flush.js';
import { damaged, fenced, forgotten } from './redis-refusals.js';
import type { SystemRows } from './redis-rows.js';
import { RedisKeys, SEGMENT_INSTANCES } from './redis-rows.js';

export interface RedisStoreOptions {
  readonly node: NodeId;
  readonly allowUnsafe: boolean;
}

const OPEN_ATTEMPTS = 3;
const TRIM_KEYS_MAX = 500;
const WAITAOF_MS = '10000';

const OPEN = new RedisScript('open');
const COMMIT = new RedisScript('commit');
const TRIM = new RedisScript('trim');

export class RedisStore implements LogStore {
  readonly kind = 'redis';
  readonly #address: RedisAddress;
  readonly #options: RedisStoreOptions;
  readonly #keys: RedisKeys;
  /** This process, as its openings name it: whether an opening whose answer was lost was its own can be told. */
  readonly #opener = randomUUID();
  #connection: RedisConnection | null = null;
  #ledger = new Ledger();
  #state: 'new' | 'open' | 'broken' | 'closed' = 'new';
  #tail: Promise<void> = Promise.resolve();
  #acknowledged = 0;
  #identity: StoreId | null = null;
  #segments: ReadonlyMap<GroupId, readonly number[]> = new Map();
  #useWaitAof = false;
  #durable = true;
  #warnings: readonly string[] = [];

  constructor(url: string, options: RedisStoreOptions) {
    this.#address = parseRedisUrl(url);
    this.#options = options;
    this.#keys = new RedisKeys(options.node);
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
    const connection = new RedisConnection(this.#address);
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
      throw new StoreUnusable(
        `others keep opening the store of node ${this.#options.node} in the ${this.#label}: stop them`,
      );
    } catch (error) {
      connection.disconnect();
      if (error instanceof StoreUnusable || error instanceof StoreFenced) throw error;
      throw new StoreUnusable(`${error instanceof Error ? error.message : error}: start it, or correct PAXMESH_STORE`);
    }
  }

  async groups(): Promise<readonly GroupId[]> {
    this.#readable();
    return [...this.#ledger.books.keys()];
  }

  async load(group: GroupId): Promise<StoredGroup> {
    const connection = this.#readable();
    const system = await this.#keys.systemRows(connection);
    const variables = system.variables
      .filter((row) => row.group === group)
      .map(({ name, row }) => [name, row] as const);
    return loadGroup(this.#ledger, group, this.#log(connection, group), variables);
  }

  commit(batch: readonly GroupWrites[]): Promise<void> {
    return this.#flush((sink) => this.#ledger.compile(batch, sink));
  }

  async read(group: GroupId, from: InstanceId, limit: number, bytesMax: number): Promise<readonly LogRecord[]> {
    const connection = this.#readable();
    const book = this.#ledger.book(group);
    const found: LogRecord[] = [];
    if (book === undefined || from < book.first || from > book.last || limit < 1) return found;
    let bytes = 0;
    for await (const rows of this.#keys.log(connection, group, from, Math.min(book.last, from + limit - 1))) {
      for (const [instance, row] of rows) {
        if (instance !== from + found.length || book.dropped.has(instance)) return found;
        // A copy: the reply is a view of the connection's read buffer.
        const record = decodeRecord(recordKey(book.prefix, instance), instance, Buffer.from(row));
        if (record === null) return found;
        bytes += record.value.bytes.byteLength;
        if (found.length > 0 && bytes > bytesMax) return found;
        found.push(record);
      }
      if (found.length > 0 && bytes >= bytesMax) return found;
    }
    return found;
  }

  async trim(group: GroupId, before: InstanceId): Promise<void> {
    const connection = this.#writable();
    const book = this.#ledger.book(group);
    if (book === undefined || before <= book.first) return;
    const first = Math.min(
      book.first,
      (this.#segments.get(group)?.[0] ?? Number.POSITIVE_INFINITY) * SEGMENT_INSTANCES,
    );
    const end = Math.min(before, book.last + 1);
    // First it is durable that they are gone, then they go. What a crash leaves over goes with the next trim.
    await this.#flush((sink) => this.#ledger.trim(group, before, sink));
    const { whole, cut, part } = this.#keys.between(group, first, end);
    for (let at = 0; at === 0 || at < whole.length; at += TRIM_KEYS_MAX) {
      const keys = [this.#keys.system, cut, ...whole.slice(at, at + TRIM_KEYS_MAX)];
      const answer = await connection.run(TRIM, keys, [String(this.#ledger.epoch), ...(at === 0 ? part : [])]);
      if (answer !== 'ok') throw fenced(this.#options.node, this.#label);
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#tail;
    this.#connection?.disconnect();
    this.#connection = null;
  }

  get #label(): string {
    return `Redis at ${this.#address.label}`;
  }

  async #checked(connection: RedisConnection): Promise<Durability> {
    const durability = await checkDurability(connection, this.#address.declaredDurable);
    const { problems } = durability;
    const refusal = `the ${this.#label} may lose acknowledged writes: ${problems.join('; ')}`;
    if (problems.length > 0 && !this.#options.allowUnsafe) throw new StoreUnusable(refusal);
    this.#durable = problems.length === 0;
    this.#useWaitAof = durability.useWaitAof;
    const others = await neighbours(connection, this.#options.node);
    const shared = `single failure domain: the ${this.#label} also holds the stores of ${others.join(', ')}`;
    this.#warnings = [
      ...durability.warnings,
      ...problems.map((problem) => `acknowledged writes may be lost: the ${this.#label}: ${problem}`),
      ...(others.length > 0 ? [shared] : []),
    ];
    return durability;
  }

  /** Reads and judges what is there and takes the next epoch. null: another opening came between. */
  async #begin(connection: RedisConnection, server: RedisServer, takesOver: boolean): Promise<StoreOpening | null> {
    const found = await this.#keys.systemRows(connection);
    const judgement = judge(found, found.identity);
    if (judgement.state === 'ruined') throw damaged(this.#options.node, this.#label, judgement.why);
    if (judgement.state === 'empty' && found.epoch !== '')
      throw damaged(this.#options.node, this.#label, 'its identity is gone');
    const fresh = judgement.state === 'empty';
    const identity = judgement.state === 'empty' ? randomUUID() : judgement.identity;
    if (this.#identity !== null && this.#identity !== identity) throw forgotten(this.#options.node, this.#label, fresh);
    if (!takesOver && found.opener !== '' && found.opener !== this.#opener)
      throw fenced(this.#options.node, this.#label);
    const { ledger } = judgement;
    const notes = fresh ? [] : this.#suspect(ledger, found, server);
    const flush = new RedisFlush(this.#keys);
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
    this.#segments = found.segments;
    this.#acknowledged = ledger.flush;
    return { identity, epoch: ledger.epoch, fresh, ...(notes.length > 0 ? { notes } : {}) };
  }

  /** What in the store's story may mean that acknowledged flushes are missing from its end. */
  #suspect(ledger: Ledger, found: SystemRows, server: RedisServer): string[] {
    const notes: string[] = [];
    if (ledger.flush < this.#acknowledged) notes.push('the store forgot acknowledged writes');
    if (found.flush !== String(ledger.flush)) notes.push('the store holds parts of a flush');
    const moved = found.server !== server.runId;
    if (moved && server.wasReplica) {
      notes.push(
        'a replica was promoted to master since this store was last opened: acknowledged writes may be missing',
      );
    }
    for (const note of notes) ledger.doubt(note);
    if (moved) notes.push('the Redis server was restarted since this store was last opened');
    return notes;
  }

  #flush(fill: (sink: RowSink) => boolean): Promise<void> {
    const work = this.#tail.then(async () => {
      const connection = this.#writable();
      const flush = new RedisFlush(this.#keys);
      const before = this.#ledger.flush;
      try {
        if (!fill(flush.sink)) return;
        const args = flush.args(this.#ledger.epoch, before, this.#ledger.flush);
        const [answer] = await Promise.all([connection.run(COMMIT, flush.keys, args), this.#waitAof(connection)]);
        if (answer === 'fenced') throw fenced(this.#options.node, this.#label);
        if (answer !== 'ok')
          throw new Error(`the ${this.#label} refused a flush: the store in it is ${String(answer)}`);
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
    const answer = await connection.text('WAITAOF', '1', '0', WAITAOF_MS);
    if (!Array.isArray(answer) || Number(answer[0]) < 1)
      throw new Error(`the ${this.#label} did not sync its file in time`);
  }

  #log(connection: RedisConnection, group: GroupId): AsyncIterable<readonly LogRow[]> {
    const book = this.#ledger.book(group);
    // Without a readable row of the group there is only what its segments hold.
    if (book?.known === false) return this.#keys.segmentsLog(connection, group, this.#segments.get(group) ?? []);
    return this.#keys.log(connection, group, book?.first ?? 0, book?.last ?? -1);
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
