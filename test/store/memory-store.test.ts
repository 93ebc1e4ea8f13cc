// The memory store: the port's suite, and what the simulator relies on beyond it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StoreFenced, StoreUnusable } from '../../src/engine/errors.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import type { MemoryFaults } from '../../src/store/memory-store.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { ballot, bytesOf, logStoreSuite, one, record } from '../conformance/log-store.js';

let disks = 0;

logStoreSuite({
  name: 'memory',
  secondOpen: 'fences',
  async medium() {
    const disk = new MemoryDisk(`memory-${disks++}`);
    return {
      store: () => new MemoryStore(disk),
      flipRecord: async (group, instance) => disk.flipRecord(group, instance),
      flipPromise: async (group) => disk.flipPromise(group),
      loseRecord: async (group, instance) => disk.loseRecord(group, instance),
      flipBlock: async (group, name, index) => disk.blocks.flip(group, name, index),
      loseBlock: async (group, name, index) => disk.blocks.lose(group, name, index),
      blockBytes: async () => disk.blocks.bytes,
      rows: async (group) => disk.groups.get(group)?.records.size ?? 0,
      destroy: async () => disk.wipe('gone'),
    };
  },
});

interface Gate {
  readonly promise: Promise<void>;
  pass(): void;
  fail(error: Error): void;
}

function gate(): Gate {
  let pass = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    pass = resolve;
    fail = reject;
  });
  return { promise, pass, fail };
}

async function openedWith(disk: MemoryDisk, faults: MemoryFaults): Promise<MemoryStore> {
  const store = new MemoryStore(disk, faults);
  await store.open();
  return store;
}

describe('memory: faults under the control of a test', () => {
  test('a commit is durable when its gate opens, not before', async () => {
    const disk = new MemoryDisk('d');
    const { promise, pass } = gate();
    const store = await openedWith(disk, { beforeDurable: () => promise });
    const commit = store.commit(one('main', record(0, 'x')));
    assert.deepEqual(await store.groups(), []);
    pass();
    await commit;
    assert.deepEqual(await store.groups(), ['main']);
  });

  test('a crash before the flush loses all of it, after the flush nothing', async () => {
    const disk = new MemoryDisk('d');
    const { promise, pass } = gate();
    const store = await openedWith(disk, { beforeDurable: () => promise });
    const commit = store.commit(one('main', record(0, 'x')));
    store.crash();
    pass();
    await assert.rejects(commit);
    assert.equal(disk.groups.size, 0);

    const second = gate();
    const other = await openedWith(disk, { afterDurable: () => second.promise });
    const late = other.commit(one('main', record(0, 'x')));
    other.crash();
    second.pass();
    await late;
    assert.equal(disk.groups.get('main')?.last, 0);
  });

  test('a failed commit leaves all or nothing, and the store wants a reopen before it goes on', async () => {
    const disk = new MemoryDisk('d');
    let fault: MemoryFaults = {};
    const store = await openedWith(disk, {
      beforeDurable: async (batch) => fault.beforeDurable?.(batch),
      afterDurable: async (batch) => fault.afterDurable?.(batch),
    });
    fault = { beforeDurable: () => Promise.reject(new Error('full')) };
    await assert.rejects(store.commit(one('main', record(0, 'lost'))), /full/);
    await assert.rejects(store.commit(one('main', record(0, 'refused'))), /reopen/);
    fault = { afterDurable: () => Promise.reject(new Error('no answer')) };
    await store.reopen();
    assert.equal((await store.load('main')).last, null);
    await assert.rejects(store.commit(one('main', record(0, 'there'))), /no answer/);
    fault = {};
    await store.reopen();
    assert.equal((await store.load('main')).last?.instance, 0);
    await store.commit(one('main', record(1, 'on it goes')));
  });

  test('a commit that is still waiting when the store is reopened never lands', async () => {
    const disk = new MemoryDisk('d');
    const { promise, pass } = gate();
    const gates = [promise];
    const store = await openedWith(disk, { beforeDurable: () => gates.shift() ?? Promise.resolve() });
    const stale = store.commit(one('main', record(0, 'stale')));
    await store.reopen();
    pass();
    await assert.rejects(stale, StoreFenced);
    await store.commit(one('main', { type: 'promise', ballot: ballot(1) }));
    assert.equal((await store.load('main')).last, null);
  });

  test('a disk out of order refuses opens and commits with its reason', async () => {
    const disk = new MemoryDisk('d');
    const store = await openedWith(disk, {});
    disk.unusable = 'the cable is out';
    await assert.rejects(store.commit(one('main', record(0, 'x'))), /the cable is out/);
    await assert.rejects(store.reopen(), StoreUnusable);
    disk.unusable = null;
    await store.reopen();
    await store.commit(one('main', record(0, 'x')));
  });

  test('a wiped disk is fresh and has another identity', async () => {
    const disk = new MemoryDisk('before');
    const store = await openedWith(disk, {});
    await store.commit(one('main', record(0, 'x')));
    disk.wipe('after');
    const opening = await new MemoryStore(disk).open();
    assert.deepEqual([opening.identity, opening.fresh], ['after', true]);
    await assert.rejects(store.commit(one('main', record(1, 'y'))));
  });

  test('blocks that were not synced are gone with the process that put them, but for those a test keeps', async () => {
    const disk = new MemoryDisk('d');
    const store = await openedWith(disk, {});
    await store.putBlock('main', 'c', 0, bytesOf('synced'));
    await store.syncBlocks('main', 'c');
    await store.putBlock('main', 'c', 0, bytesOf('replaced'));
    for (const index of [1, 2]) await store.putBlock('main', 'c', index, bytesOf('kept'));
    await store.putBlock('main', 'lost', 0, bytesOf('lost'));
    store.crash();
    const next = await openedWith(disk, { keepsUnsynced: (_group, name, index) => name === 'c' && index === 2 });
    assert.deepEqual(await next.checkpoints('main'), ['c']);
    assert.deepEqual(
      await Promise.all([0, 1, 2].map(async (index) => (await next.readBlock('main', 'c', index)) !== null)),
      [false, false, true],
    );
    await next.syncBlocks('main', 'c');
    assert.notEqual(await (await openedWith(disk, {})).readBlock('main', 'c', 2), null);
  });

  test('a block that is on its way when its process dies, or is replaced, never lands', async () => {
    const disk = new MemoryDisk('d');
    const [first, second] = [gate(), gate()];
    const gates = [first.promise, second.promise];
    const faults = { beforeBlocks: () => gates.shift() ?? Promise.resolve() };
    const dying = await openedWith(disk, faults);
    const late = dying.putBlock('main', 'c', 0, bytesOf('late'));
    dying.crash();
    first.pass();
    await assert.rejects(late, /crashed/);
    const fenced = await openedWith(disk, faults);
    const stale = fenced.putBlock('main', 'c', 0, bytesOf('stale'));
    const next = await openedWith(disk, {});
    second.pass();
    await assert.rejects(stale, StoreFenced);
    assert.deepEqual(await next.checkpoints('main'), []);
  });

  test('a wiped disk has no blocks, and one out of order takes none', async () => {
    const disk = new MemoryDisk('d');
    const store = await openedWith(disk, {});
    await store.putBlock('main', 'c', 0, bytesOf('x'));
    await store.syncBlocks('main', 'c');
    disk.unusable = 'the cable is out';
    await assert.rejects(store.putBlock('main', 'c', 1, bytesOf('y')), /the cable is out/);
    await assert.rejects(store.syncBlocks('main', 'c'), /the cable is out/);
    disk.unusable = null;
    disk.wipe('after');
    assert.equal(disk.blocks.bytes, 0);
    assert.deepEqual(await (await openedWith(disk, {})).checkpoints('main'), []);
  });
});
