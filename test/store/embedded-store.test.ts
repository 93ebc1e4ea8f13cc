// The embedded store: the port's suite on LevelDB, and what must hold when the process is killed, when files are damaged,
// and when the directory is not fit for it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { StoreUnusable } from '../../src/engine/errors.js';
import { EmbeddedStore } from '../../src/store/embedded-store.js';
import { afterPrefix, groupKey, logPrefix, recordKey } from '../../src/store/keys.js';
import { ballot, bytesOf, logStoreSuite, one, record } from '../conformance/log-store.js';
import { acknowledgedBeforeKill, syncedBeforeKill, textOfBlock } from './committing-child.js';

/** A block of the largest size, and a page. */
const SLOT_BYTES = 260 * 1024;

const root = await mkdtemp(join(tmpdir(), 'paxmesh-embedded-'));
let directories = 0;
const newDirectory = (): string => join(root, `store-${directories++}`);

after(() => rm(root, { recursive: true, force: true }));

async function withLevel<T>(directory: string, work: (db: ClassicLevel<Buffer, Buffer>) => Promise<T>): Promise<T> {
  const db = new ClassicLevel<Buffer, Buffer>(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open();
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

async function flip(directory: string, key: Buffer): Promise<void> {
  await withLevel(directory, async (db) => {
    const row = Buffer.from((await db.get(key)) ?? assert.fail('the row to flip is missing'));
    const at = Math.floor(row.length / 2);
    row[at] = (row[at] ?? 0) ^ 0x10;
    await db.put(key, row, { sync: true });
  });
}

function blockFile(directory: string, group: string, name: string): string {
  return join(directory, 'checkpoints', Buffer.from(group).toString('hex'), name);
}

/** Changes the bytes of a block's slot in its file. */
async function onSlot(
  directory: string,
  group: string,
  name: string,
  index: number,
  change: (slot: Buffer) => void,
): Promise<void> {
  const file = blockFile(directory, group, name);
  const bytes = await readFile(file);
  const slot = bytes.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES);
  assert.ok(slot.length > 0);
  change(slot);
  await writeFile(file, bytes);
}

async function bytesBelow(directory: string): Promise<number> {
  if (!existsSync(directory)) return 0;
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

logStoreSuite({
  name: 'embedded',
  secondOpen: 'refused',
  async medium() {
    const directory = newDirectory();
    return {
      store: () => new EmbeddedStore(directory),
      flipRecord: (group, instance) => flip(directory, recordKey(logPrefix(group), instance)),
      flipPromise: (group) => flip(directory, groupKey(group)),
      loseRecord: (group, instance) => withLevel(directory, (db) => db.del(recordKey(logPrefix(group), instance))),
      flipBlock: (group, name, index) =>
        onSlot(directory, group, name, index, (slot) => {
          slot[10] = (slot[10] ?? 0) ^ 0x10;
        }),
      loseBlock: (group, name, index) => onSlot(directory, group, name, index, (slot) => void slot.fill(0)),
      blockBytes: () => bytesBelow(join(directory, 'checkpoints')),
      rows: async (group) =>
        withLevel(directory, async (db) => {
          const keys = await db.keys({ gte: logPrefix(group), lt: afterPrefix(logPrefix(group)) }).all();
          return keys.length;
        }),
      destroy: () => rm(directory, { recursive: true, force: true }),
    };
  },
});

/** A store with ten commits in its write-ahead log, and the log's bytes. */
async function written(): Promise<{ directory: string; wal: string; bytes: Buffer }> {
  const directory = newDirectory();
  const store = new EmbeddedStore(directory);
  await store.open();
  for (let instance = 0; instance < 10; instance++) {
    const promise = { type: 'promise', ballot: ballot(instance + 1) } as const;
    await store.commit(one('main', promise, record(instance, `value ${instance}`)));
    await store.commit(one('other', { type: 'variable', name: 'n', json: String(instance) }));
  }
  await store.close();
  const wal = join(directory, (await readdir(directory)).find((name) => name.endsWith('.log')) ?? '');
  return { directory, wal, bytes: await readFile(wal) };
}

/** Opens what is there. Never a wrong value: everything in order, or named as damaged, or refused. */
async function judged(directory: string): Promise<'refused' | 'damaged' | 'healthy'> {
  const store = new EmbeddedStore(directory);
  try {
    await store.open();
    let damaged = 0;
    for (const group of ['main', 'other']) {
      const { damage, last, promised } = await store.load(group);
      damaged += damage.length;
      if (damage.some(({ hidesVote }) => hidesVote)) continue;
      if (group === 'main') assert.deepEqual([last?.instance, promised], [9, ballot(10)]);
    }
    const found = await store.read('main', 0, 100, 1e9);
    for (const entry of found) assert.deepEqual(entry.value.bytes, Buffer.from(bytesOf(`value ${entry.instance}`)));
    if (damaged === 0) assert.equal(found.length, 10);
    return damaged > 0 ? 'damaged' : 'healthy';
  } catch (error) {
    if (!(error instanceof StoreUnusable)) throw error;
    assert.match(error.message, new RegExp(directory));
    return 'refused';
  } finally {
    await store.close();
  }
}

describe('embedded: files that are not what was written', () => {
  test('any one flipped byte in the write-ahead log is found out', async () => {
    const { directory, wal, bytes } = await written();
    const others = await Promise.all(
      (await readdir(directory)).map(
        async (name) => [join(directory, name), await readFile(join(directory, name))] as const,
      ),
    );
    const verdicts = { refused: 0, damaged: 0, healthy: 0 };
    for (let at = 3; at < bytes.length; at += 29) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory);
      for (const [path, content] of others) await writeFile(path, content);
      const garbled = Buffer.from(bytes);
      garbled[at] = (garbled[at] ?? 0) ^ 0x04;
      await writeFile(wal, garbled);
      verdicts[await judged(directory)] += 1;
    }
    assert.equal(verdicts.healthy, 0, JSON.stringify(verdicts));
    assert.ok(verdicts.damaged + verdicts.refused > 50);
  });

  test('that the log was damaged is still known after the next restart', async () => {
    const { directory, wal, bytes } = await written();
    bytes[1200] = (bytes[1200] ?? 0) ^ 1;
    await writeFile(wal, bytes);
    assert.equal(await judged(directory), 'damaged');
    assert.equal(await judged(directory), 'damaged');
  });

  test('a write-ahead log torn at its end, as a loss of power leaves it, opens in health', async () => {
    for (const cut of [1, 5, 40]) {
      const { directory, wal, bytes } = await written();
      await writeFile(wal, bytes.subarray(0, bytes.length - cut));
      const store = new EmbeddedStore(directory);
      const { notes } = await store.open();
      assert.equal(notes, undefined);
      for (const group of ['main', 'other']) assert.deepEqual((await store.load(group)).damage, []);
      assert.equal((await store.load('other')).variables.get('n'), '8');
      await store.close();
    }
  });

  test('any one flipped byte in a table file is found out, or changes nothing', async () => {
    const { directory } = await written();
    await withLevel(directory, (db) => db.compactRange(Buffer.from('a'), Buffer.from('z')));
    const table = join(directory, (await readdir(directory)).find((name) => name.endsWith('.ldb')) ?? '');
    const files = await Promise.all(
      (await readdir(directory)).map(
        async (name) => [join(directory, name), await readFile(join(directory, name))] as const,
      ),
    );
    const bytes = await readFile(table);
    const verdicts = { refused: 0, damaged: 0, healthy: 0 };
    for (let at = 1; at < bytes.length; at += 13) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory);
      for (const [path, content] of files) await writeFile(path, content);
      const garbled = Buffer.from(bytes);
      garbled[at] = (garbled[at] ?? 0) ^ 0x20;
      await writeFile(table, garbled);
      verdicts[await judged(directory)] += 1;
    }
    assert.ok(verdicts.damaged > 20, JSON.stringify(verdicts));
  });

  test('a store without its identity is refused, not founded anew', async () => {
    const { directory } = await written();
    await withLevel(directory, (db) => db.del(Buffer.from('midentity')));
    await assert.rejects(new EmbeddedStore(directory).open(), /identity.*move the directory away/);
  });

  test('a flush lost in the middle is found though everything after it is there', async () => {
    for (const keys of [[groupKey('other')], [Buffer.from('vother\0n')]]) {
      const { directory } = await written();
      const old = await withLevel(directory, (db) => Promise.all(keys.map((key) => db.get(key))));
      const store = new EmbeddedStore(directory);
      await store.open();
      await store.commit(
        one('other', { type: 'promise', ballot: ballot(50) }, { type: 'variable', name: 'n', json: '10' }),
      );
      await store.commit(one('main', record(10, 'value 10')));
      await store.close();
      await withLevel(directory, async (db) => {
        for (const [index, key] of keys.entries()) await db.put(key, old[index] ?? assert.fail('nothing to put back'));
      });
      await store.close();
      const next = new EmbeddedStore(directory);
      await next.open();
      assert.ok((await next.load('other')).damage.some(({ hidesVote }) => hidesVote));
      await next.close();
    }
  });

  test('an older version of a closed record is not taken for the chosen one', async () => {
    const directory = newDirectory();
    const key = recordKey(logPrefix('main'), 1);
    const store = new EmbeddedStore(directory);
    await store.open();
    await store.commit(one('main', record(0, 'zero'), record(1, 'a vote that lost')));
    await store.close();
    const old = await withLevel(directory, (db) => db.get(key));
    const next = new EmbeddedStore(directory);
    await next.open();
    await next.commit(one('main', record(1, 'chosen', { chosen: true })));
    await next.commit(one('main', record(2, 'two')));
    await next.close();
    await withLevel(directory, (db) => db.put(key, old ?? assert.fail('nothing to put back')));
    const last = new EmbeddedStore(directory);
    await last.open();
    // Left out by the load, it is found out by its successor when it is read.
    assert.deepEqual((await last.load('main', 2)).damage, []);
    assert.equal((await last.read('main', 0, 10, 1e9)).length, 1);
    assert.deepEqual(await last.read('main', 1, 1, 1e9), []);
    const { damage } = await last.load('main');
    assert.deepEqual(
      damage.map(({ instance, hidesVote }) => [instance, hidesVote]),
      [[1, false]],
    );
    assert.equal((await last.read('main', 0, 10, 1000)).length, 1);
    // The record before the newest learned again, then the newest replaced: their links must still agree.
    await last.commit(one('main', record(1, 'chosen', { chosen: true })));
    await last.commit(one('main', record(2, 'two', { chosen: true })));
    await last.close();
    const healed = new EmbeddedStore(directory);
    await healed.open();
    assert.deepEqual((await healed.load('main')).damage, []);
    await healed.close();
  });
});

describe('embedded: blocks in files', () => {
  async function withBlocks(): Promise<{ directory: string; file: string; texts: readonly string[] }> {
    const directory = newDirectory();
    const store = new EmbeddedStore(directory);
    await store.open();
    const texts = ['zero '.repeat(30), 'one', 'two '.repeat(50)];
    for (const [index, text] of texts.entries()) await store.putBlock('main', 'c', index, bytesOf(text));
    await store.syncBlocks('main', 'c');
    await store.close();
    return { directory, file: blockFile(directory, 'main', 'c'), texts };
  }

  /** Every block is what was put, or null; says which are null. */
  async function missing(directory: string, texts: readonly string[]): Promise<number[]> {
    const store = new EmbeddedStore(directory);
    await store.open();
    const nulls: number[] = [];
    for (const [index, text] of texts.entries()) {
      const bytes = await store.readBlock('main', 'c', index);
      if (bytes === null) nulls.push(index);
      else assert.equal(Buffer.from(bytes).toString(), text);
    }
    await store.close();
    return nulls;
  }

  test('any flipped byte of a block makes that block null and leaves the others', async () => {
    const { directory, file, texts } = await withBlocks();
    const bytes = await readFile(file);
    for (let at = 0; at < 4 + 1 + (texts[0]?.length ?? 0) + 4; at += 3) {
      const garbled = Buffer.from(bytes);
      garbled[at] = (garbled[at] ?? 0) ^ 0x20;
      await writeFile(file, garbled);
      assert.deepEqual(await missing(directory, texts), [0], `byte ${at}`);
    }
  });

  test('a file cut anywhere gives the blocks before the cut and null after it', async () => {
    const { directory, file, texts } = await withBlocks();
    const bytes = await readFile(file);
    for (const [cut, nulls] of [
      [0, [0, 1, 2]],
      [3, [0, 1, 2]],
      [100, [0, 1, 2]],
      [SLOT_BYTES, [1, 2]],
      [SLOT_BYTES + 11, [1, 2]],
      [bytes.length - 1, [2]],
      [bytes.length, []],
    ] as const) {
      await writeFile(file, bytes.subarray(0, cut));
      assert.deepEqual(await missing(directory, texts), nulls, `cut at ${cut}`);
    }
  });

  test('a block, or a whole file, in the place of another is null', async () => {
    const { directory, file, texts } = await withBlocks();
    const bytes = await readFile(file);
    bytes.copy(bytes, 0, SLOT_BYTES, 2 * SLOT_BYTES);
    await writeFile(file, bytes);
    assert.deepEqual(await missing(directory, texts), [0]);
    await rename(file, blockFile(directory, 'main', 'other'));
    await mkdir(dirname(blockFile(directory, 'group', 'c')));
    await copyFile(blockFile(directory, 'main', 'other'), blockFile(directory, 'group', 'c'));
    const store = new EmbeddedStore(directory);
    await store.open();
    for (const index of [1, 2]) assert.equal(await store.readBlock('main', 'other', index), null);
    for (const index of [1, 2]) assert.equal(await store.readBlock('group', 'c', index), null);
    await store.close();
  });

  for (const step of ['write', 'datasync', 'sync'] as const) {
    test(`after a failed ${step} a checkpoint takes no more blocks until it is dropped`, async (context) => {
      const directory = newDirectory();
      const store = new EmbeddedStore(directory);
      await store.open();
      const handle = await open(directory, 'r');
      const failing = context.mock.method(Object.getPrototypeOf(handle), step, () => Promise.reject(new Error('EIO')));
      await handle.close();
      const writing = async (): Promise<void> => {
        for (let index = 0; index < 20; index++) await store.putBlock('main', 'c', index, bytesOf('x'));
        await store.syncBlocks('main', 'c');
      };
      await assert.rejects(writing(), /EIO/);
      failing.mock.restore();
      await assert.rejects(writing(), /drop it first/);
      await assert.rejects(store.syncBlocks('main', 'c'), /drop it first/);
      await store.dropCheckpoint('main', 'c');
      await writing();
      await store.commit(one('main', record(0, 'x')));
      await store.close();
    });
  }

  test('kill -9 in the middle of putting blocks loses none that was synced', async () => {
    const directory = newDirectory();
    const synced = await syncedBeforeKill(`embedded:${directory}`, 20);
    const store = new EmbeddedStore(directory);
    await store.open();
    assert.deepEqual(await store.checkpoints('main'), ['c']);
    for (let index = 0; index <= synced; index++) {
      const bytes = (await store.readBlock('main', 'c', index)) ?? assert.fail(`block ${index} is gone`);
      assert.equal(Buffer.from(bytes).toString(), textOfBlock(index));
    }
    await store.close();
  });
});

describe('embedded: space', () => {
  test('a trim gives the space on disk back', async () => {
    const directory = newDirectory();
    const store = new EmbeddedStore(directory);
    await store.open();
    const bytes = new Uint8Array(100_000).fill(7);
    for (let instance = 0; instance < 200; instance++) {
      await store.commit(one('main', { ...record(instance, ''), value: { id: `v${instance}`, bytes } }));
    }
    assert.ok((await bytesBelow(directory)) > 20_000_000);
    await store.trim('main', 195);
    await store.close();
    // What nobody needs any more is unlinked at the next opening at the latest.
    const next = new EmbeddedStore(directory);
    await next.open();
    assert.equal((await next.read('main', 195, 10, 1e9)).length, 5);
    await next.close();
    assert.ok((await bytesBelow(directory)) < 10_000_000);
  });
});

describe('embedded: processes and directories', () => {
  test('a second process on the directory is refused, naming it', async () => {
    const directory = newDirectory();
    const store = new EmbeddedStore(directory);
    await store.open();
    await assert.rejects(new EmbeddedStore(directory).open(), (error) => {
      assert.ok(error instanceof StoreUnusable);
      assert.match(error.message, /in use by another process/);
      assert.ok(error.message.includes(directory));
      return true;
    });
    await store.close();
  });

  test('a directory that cannot be made or written to is refused, naming it', async () => {
    const file = join(root, 'a-file');
    await writeFile(file, 'not a directory');
    for (const directory of [file, join(file, 'below')]) {
      await assert.rejects(new EmbeddedStore(directory).open(), (error) => {
        assert.ok(error instanceof StoreUnusable);
        assert.ok(error.message.includes(directory));
        assert.match(error.message, /cannot be used/);
        return true;
      });
    }
  });

  test('kill -9 in the middle of commits loses nothing acknowledged', async () => {
    for (let round = 0; round < 3; round++) {
      const directory = newDirectory();
      const acknowledged = await acknowledgedBeforeKill(`embedded:${directory}`, 100 + 150 * round);
      const store = new EmbeddedStore(directory);
      await store.open();
      const { damage, last } = await store.load('main');
      assert.deepEqual(damage, []);
      assert.ok((last?.instance ?? -1) >= acknowledged, `${last?.instance} after ${acknowledged} were acknowledged`);
      const found = await store.read('main', 0, acknowledged + 1, 1e9);
      assert.equal(found.length, acknowledged + 1);
      await store.close();
    }
  });
});
