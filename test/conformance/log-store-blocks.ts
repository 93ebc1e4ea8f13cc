// What the suite of the LogStore port says of the blocks of checkpoints. The place in the checksum, the checksum, the fence
// and the sync were taken out once each, and a test here or beside the store failed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StoreFenced } from '../../src/engine/errors.js';
import type { LogStore } from '../../src/engine/log-store.js';
import { BLOCK_BYTES } from '../../src/engine/log-store.js';
import type { LogStoreHarness, StoreWorld } from './log-store-world.js';
import { bytesOf, one, record } from './log-store-world.js';

/** Bytes of every kind, different for each seed. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

async function blockOf(store: LogStore, group: string, name: string, index: number): Promise<string | null> {
  const bytes = await store.readBlock(group, name, index);
  return bytes === null ? null : Buffer.from(bytes).toString();
}

export function blockSuite(world: StoreWorld, harness: LogStoreHarness): void {
  describe('blocks of checkpoints', () => {
    test('what was put and synced is there after a restart, byte for byte, up to the largest block', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      const blocks = [noise(BLOCK_BYTES, 1), noise(BLOCK_BYTES, 2), noise(BLOCK_BYTES, 3), noise(77, 4)];
      for (const [index, bytes] of blocks.entries()) await store.putBlock('main', 'c4711', index, bytes);
      for (const [index, bytes] of blocks.entries()) {
        assert.equal(Buffer.compare((await store.readBlock('main', 'c4711', index)) ?? new Uint8Array(), bytes), 0);
      }
      await store.syncBlocks('main', 'c4711');
      const next = await world.restarted(store, medium);
      for (const [index, bytes] of blocks.entries()) {
        assert.equal(Buffer.compare((await next.readBlock('main', 'c4711', index)) ?? new Uint8Array(), bytes), 0);
      }
      assert.equal(await next.readBlock('main', 'c4711', 4), null);
      assert.deepEqual(await next.checkpoints('main'), ['c4711']);
      assert.deepEqual(await next.groups(), []);
    });

    test('a block of nothing is a block, and blocks may come in any order', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      await store.putBlock('main', 'c', 7, bytesOf('seven'));
      await store.putBlock('main', 'c', 2, new Uint8Array());
      await store.syncBlocks('main', 'c');
      const next = await world.restarted(store, medium);
      assert.deepEqual(await Promise.all([0, 1, 2, 3, 6, 7, 8].map((index) => blockOf(next, 'main', 'c', index))), [
        null,
        null,
        '',
        null,
        null,
        'seven',
        null,
      ]);
    });

    test('a block that is put again is replaced, by a shorter one too', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      await store.putBlock('main', 'c', 0, bytesOf('the first and longer one'));
      await store.putBlock('main', 'c', 1, bytesOf('neighbour'));
      await store.syncBlocks('main', 'c');
      await store.putBlock('main', 'c', 0, bytesOf('second'));
      assert.equal(await blockOf(store, 'main', 'c', 0), 'second');
      await store.syncBlocks('main', 'c');
      const next = await world.restarted(store, medium);
      assert.equal(await blockOf(next, 'main', 'c', 0), 'second');
      await next.putBlock('main', 'c', 0, bytesOf('third'));
      await next.syncBlocks('main', 'c');
      assert.equal(await blockOf(next, 'main', 'c', 0), 'third');
      assert.equal(await blockOf(next, 'main', 'c', 1), 'neighbour');
    });

    test('groups and names do not see each other', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      const places = [
        ['main', 'c1'],
        ['main', 'c10'],
        ['main2', 'c1'],
        ['MAIN', 'c1'],
        ['../main', 'c1'],
        ['ü/:*?', 'c1'],
      ] as const;
      for (const [group, name] of places) await store.putBlock(group, name, 0, bytesOf(`${group} ${name}`));
      for (const [group, name] of places) await store.syncBlocks(group, name);
      const next = await world.restarted(store, medium);
      for (const [group, name] of places) assert.equal(await blockOf(next, group, name, 0), `${group} ${name}`);
      assert.deepEqual([...(await next.checkpoints('main'))].sort(), ['c1', 'c10']);
      assert.deepEqual(await next.checkpoints('../main'), ['c1']);
      assert.deepEqual(await next.checkpoints('nobody'), []);
      await next.dropCheckpoint('main', 'c1');
      assert.equal(await blockOf(next, 'main', 'c1', 0), null);
      assert.deepEqual(await next.checkpoints('main'), ['c10']);
      for (const [group, name] of places.slice(1))
        assert.equal(await blockOf(next, group, name, 0), `${group} ${name}`);
    });

    test('a dropped checkpoint is gone for good and its space is given back', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      for (let index = 0; index < 5; index++) await store.putBlock('main', 'c', index, noise(BLOCK_BYTES, index));
      await store.syncBlocks('main', 'c');
      await store.putBlock('main', 'unsynced', 0, noise(BLOCK_BYTES, 9));
      assert.ok((await medium.blockBytes()) >= 6 * BLOCK_BYTES);
      await store.dropCheckpoint('main', 'c');
      await store.dropCheckpoint('main', 'unsynced');
      await store.dropCheckpoint('main', 'never-there');
      assert.equal(await medium.blockBytes(), 0);
      const next = await world.restarted(store, medium);
      assert.deepEqual(await next.checkpoints('main'), []);
      assert.equal(await next.readBlock('main', 'c', 0), null);
      await next.putBlock('main', 'c', 1, bytesOf('anew'));
      await next.syncBlocks('main', 'c');
      assert.deepEqual([await blockOf(next, 'main', 'c', 0), await blockOf(next, 'main', 'c', 1)], [null, 'anew']);
    });

    for (const how of ['flipBlock', 'loseBlock'] as const) {
      test(`a block that is not what was put reads as null, and only that one (${how})`, async () => {
        const medium = await world.medium();
        const store = await world.opened(medium);
        for (let index = 0; index < 3; index++) await store.putBlock('main', 'c', index, bytesOf(`block ${index}`));
        await store.syncBlocks('main', 'c');
        await store.close();
        await medium[how]('main', 'c', 1);
        const next = await world.opened(medium);
        assert.deepEqual(await Promise.all([0, 1, 2].map((index) => blockOf(next, 'main', 'c', index))), [
          'block 0',
          null,
          'block 2',
        ]);
        await next.putBlock('main', 'c', 1, bytesOf('fetched again'));
        await next.syncBlocks('main', 'c');
        assert.equal(await blockOf(next, 'main', 'c', 1), 'fetched again');
      });
    }

    test('bytes handed in may be reused afterwards, bytes handed out are the reader own', async () => {
      const store = await world.opened(await world.medium());
      const bytes = bytesOf('untouched');
      await store.putBlock('main', 'c', 0, bytes);
      bytes.fill(0);
      (await store.readBlock('main', 'c', 0))?.fill(1);
      assert.equal(await blockOf(store, 'main', 'c', 0), 'untouched');
    });

    test('what is no name, no index or too large is refused before anything is written', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      for (const name of ['', '../c', 'a/b', 'A', '-a', 'a\0b', `a${'b'.repeat(63)}`]) {
        await assert.rejects(store.putBlock('main', name, 0, bytesOf('x')), RangeError);
        await assert.rejects(store.readBlock('main', name, 0), RangeError);
        await assert.rejects(store.syncBlocks('main', name), RangeError);
        await assert.rejects(store.dropCheckpoint('main', name), RangeError);
      }
      for (const index of [-1, 0.5, Number.NaN]) {
        await assert.rejects(store.putBlock('main', 'c', index, bytesOf('x')), RangeError);
      }
      await assert.rejects(store.putBlock('main', 'c', 0, new Uint8Array(BLOCK_BYTES + 1)), RangeError);
      assert.deepEqual(await store.checkpoints('main'), []);
      assert.equal(await medium.blockBytes(), 0);
    });

    test('blocks and commits beside each other lose nothing of either', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      const puts: Promise<void>[] = [];
      for (let instance = 0; instance < 40; instance++) {
        puts.push(store.putBlock('main', 'c', instance, noise(10_000, instance)));
        await store.commit(one('main', record(instance, `value ${instance}`)));
      }
      await Promise.all(puts);
      await store.syncBlocks('main', 'c');
      const next = await world.restarted(store, medium);
      assert.deepEqual((await next.load('main')).damage, []);
      for (let index = 0; index < 40; index++) {
        const bytes = (await next.readBlock('main', 'c', index)) ?? new Uint8Array();
        assert.equal(Buffer.compare(bytes, noise(10_000, index)), 0);
      }
    });

    test('a closed store takes no blocks', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      await store.putBlock('main', 'c', 0, bytesOf('x'));
      await store.syncBlocks('main', 'c');
      await store.close();
      await assert.rejects(store.putBlock('main', 'c', 0, bytesOf('y')));
      await assert.rejects(store.syncBlocks('main', 'c'));
      await assert.rejects(store.dropCheckpoint('main', 'c'));
      assert.equal(await blockOf(await world.opened(medium), 'main', 'c', 0), 'x');
    });

    test('after reopen the blocks that were synced are there, and more can be put', async () => {
      const store = await world.opened(await world.medium());
      await store.putBlock('main', 'c', 0, bytesOf('zero'));
      await store.syncBlocks('main', 'c');
      await store.reopen();
      await store.putBlock('main', 'c', 1, bytesOf('one'));
      await store.syncBlocks('main', 'c');
      assert.deepEqual([await blockOf(store, 'main', 'c', 0), await blockOf(store, 'main', 'c', 1)], ['zero', 'one']);
    });

    if (harness.secondOpen === 'fences') {
      test('a process that was fenced off can neither put nor drop a block', async () => {
        const medium = await world.medium();
        const old = await world.opened(medium);
        await old.putBlock('main', 'c', 0, bytesOf('mine'));
        await old.syncBlocks('main', 'c');
        const young = await world.opened(medium);
        await assert.rejects(old.putBlock('main', 'c', 0, bytesOf('stale')), StoreFenced);
        await assert.rejects(old.putBlock('main', 'other', 0, bytesOf('stale')), StoreFenced);
        await assert.rejects(old.dropCheckpoint('main', 'c'), StoreFenced);
        assert.deepEqual(await young.checkpoints('main'), ['c']);
        assert.equal(await blockOf(young, 'main', 'c', 0), 'mine');
      });
    }
  });
}
