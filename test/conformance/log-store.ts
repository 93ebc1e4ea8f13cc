// The public suite of the LogStore port: every adapter, ours or a stranger's, must pass it. Registers its tests when
// called. What it needs of an adapter is in log-store-world.ts; the beginning of a log and the blocks of checkpoints have
// files of their own beside this one.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { NO_BALLOT } from '../../src/core/ballot.js';
import { StoreFenced, StoreUnusable } from '../../src/engine/errors.js';
import type { LogStore } from '../../src/engine/log-store.js';
import { beginSuite } from './log-store-begin.js';
import { blockSuite } from './log-store-blocks.js';
import type { LogStoreHarness, Medium } from './log-store-world.js';
import { ballot, bytesOf, one, record, records, StoreWorld, textOf, textsOf } from './log-store-world.js';

export { ballot, bytesOf, one, record, records };

export function logStoreSuite(harness: LogStoreHarness): void {
  describe(`${harness.name}: the contract of a log store`, () => {
    const world = new StoreWorld(harness);
    const freshMedium = (): Promise<Medium> => world.medium();
    const opened = (medium: Medium): Promise<LogStore> => world.opened(medium);
    const restarted = (store: LogStore, medium: Medium): Promise<LogStore> => world.restarted(store, medium);
    const texts = textsOf;

    after(() => world.end());

    test('a new store is fresh, the next opening of it is not, and its identity stays', async () => {
      const medium = await freshMedium();
      const first = medium.store();
      const founding = await first.open();
      assert.equal(founding.fresh, true);
      assert.ok(founding.identity.length >= 8);
      await first.close();
      const second = medium.store();
      const opening = await second.open();
      assert.equal(opening.fresh, false);
      assert.equal(opening.identity, founding.identity);
      assert.ok(opening.epoch > founding.epoch);
      await second.close();
    });

    test('two new stores have different identities', async () => {
      const [one, two] = [(await freshMedium()).store(), (await freshMedium()).store()];
      assert.notEqual((await one.open()).identity, (await two.open()).identity);
      await Promise.all([one.close(), two.close()]);
    });

    test('a group never written to is empty and is not listed', async () => {
      const store = await opened(await freshMedium());
      assert.deepEqual(await store.load('main'), {
        promised: NO_BALLOT,
        firstKept: 0,
        last: null,
        variables: new Map(),
        damage: [],
      });
      assert.deepEqual(await store.groups(), []);
      assert.deepEqual(await store.read('main', 0, 10, 1000), []);
    });

    test('what was committed is read back after a restart, every field of it', async () => {
      const medium = await freshMedium();
      const store = await opened(medium);
      const vote = record(0, 'ärger\u0000', { ballot: ballot(2 ** 40, 'node-b'), chosen: true, checksum: 0xffffffff });
      const tail = record(1, '', { ballot: ballot(3, 'c'), checksum: 0 });
      await store.commit([
        {
          group: 'main',
          writes: [{ type: 'promise', ballot: ballot(2 ** 41, 'c') }, vote, tail],
        },
        { group: 'other', writes: [{ type: 'variable', name: 'membership', json: '{"a":"ü"}' }] },
      ]);
      const next = await restarted(store, medium);
      const main = await next.load('main');
      assert.deepEqual(main.promised, ballot(2 ** 41, 'c'));
      assert.equal(main.firstKept, 0);
      assert.deepEqual(main.damage, []);
      assert.equal(main.last?.instance, 1);
      assert.equal(main.last.value.bytes.byteLength, 0);
      const [first] = await next.read('main', 0, 1, 1000);
      assert.ok(first !== undefined);
      assert.deepEqual(
        { ...first, value: { id: first.value.id, text: textOf(first.value.bytes) } },
        {
          instance: 0,
          ballot: vote.ballot,
          chosen: true,
          checksum: 0xffffffff,
          value: { id: vote.value.id, text: 'ärger\u0000' },
        },
      );
      assert.deepEqual([...(await next.groups())].sort(), ['main', 'other']);
      const other = await next.load('other');
      assert.deepEqual(other.variables, new Map([['membership', '{"a":"ü"}']]));
      assert.deepEqual(other.promised, NO_BALLOT);
      assert.deepEqual(other.damage, []);
    });

    test('many flushes in a row leave a store in health', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 40; i++) {
          const instance = round * 40 + i;
          await store.commit([
            { group: 'main', writes: [record(instance, `vote ${instance}`)] },
            { group: i % 2 ? 'odd' : 'even', writes: [{ type: 'variable', name: 'n', json: String(instance) }] },
          ]);
          if (i % 3 === 0) await store.commit(one('main', record(instance, `value ${instance}`, { chosen: true })));
        }
        store = await restarted(store, medium);
        for (const group of await store.groups()) assert.deepEqual((await store.load(group)).damage, []);
      }
      assert.equal((await texts(store, 'main')).length, 120);
      assert.equal((await store.load('odd')).variables.get('n'), '119');
    });

    test('the promise never goes down, neither within a commit, nor over commits, nor over restarts', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(
        one('main', { type: 'promise', ballot: ballot(5, 'b') }, { type: 'promise', ballot: ballot(4, 'z') }),
      );
      assert.deepEqual((await store.load('main')).promised, ballot(5, 'b'));
      store = await restarted(store, medium);
      await store.load('main');
      await store.commit(one('main', { type: 'promise', ballot: ballot(5, 'a') }));
      store = await restarted(store, medium);
      assert.deepEqual((await store.load('main')).promised, ballot(5, 'b'));
    });

    test('a record does not move the promise, whatever its ballot', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', { type: 'promise', ballot: ballot(5) }));
      await store.commit(one('main', record(0, 'learned', { ballot: ballot(2), chosen: true })));
      await store.commit(one('main', record(1, 'learned', { ballot: ballot(9), chosen: true })));
      store = await restarted(store, medium);
      assert.deepEqual((await store.load('main')).promised, ballot(5));
    });

    test('a record replaces the one at its instance, and within one commit the later write wins', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', record(0, 'first'), record(1, 'vote')));
      await store.commit(one('main', record(1, 'other'), record(1, 'final', { chosen: true }), record(2, 'next')));
      await store.commit(one('main', record(0, 'learned again', { chosen: true })));
      await store.commit(
        one(
          'main',
          { type: 'variable', name: 'v', json: '1' },
          { type: 'variable', name: 'v', json: '2' },
          record(3, 'three'),
          record(0, 'and again', { chosen: true }),
          record(1, 'and again', { chosen: true }),
        ),
      );
      store = await restarted(store, medium);
      const loaded = await store.load('main');
      assert.deepEqual(loaded.damage, []);
      assert.equal(loaded.last?.instance, 3);
      assert.equal(loaded.variables.get('v'), '2');
      assert.deepEqual(await texts(store, 'main'), ['and again', 'and again', 'next', 'three']);
    });

    test('read goes up in order, stops at its bounds, and always gives at least one', async () => {
      const store = await opened(await freshMedium());
      await store.commit(one('main', ...records(0, 9)));
      assert.deepEqual(await texts(store, 'main', 8), ['value 8', 'value 9']);
      assert.deepEqual(await texts(store, 'main', 2, 3), ['value 2', 'value 3', 'value 4']);
      assert.equal((await store.read('main', 0, 100, 20)).length, 2);
      assert.equal((await store.read('main', 0, 100, 21)).length, 3);
      assert.equal((await store.read('main', 0, 100, 1)).length, 1);
      assert.deepEqual(await store.read('main', 10, 100, 1000), []);
    });

    test('read and load cross the borders of whatever the store packs records into', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', { type: 'begin', instance: 1000 }, ...records(1000, 2100)));
      await store.commit(one('main', ...records(2101, 3100)));
      store = await restarted(store, medium);
      const loaded = await store.load('main');
      assert.deepEqual(loaded.damage, []);
      assert.equal(loaded.firstKept, 1000);
      assert.equal(loaded.last?.instance, 3100);
      const found = await store.read('main', 1020, 2000, Number.MAX_SAFE_INTEGER);
      assert.deepEqual(
        found.map((entry) => entry.instance),
        Array.from({ length: 2000 }, (_, index) => 1020 + index),
      );
    });

    test('a hole is never read over, and is named at load', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', ...records(0, 2)));
      await store.commit(one('main', ...records(6, 8)));
      assert.deepEqual(await texts(store, 'main'), ['value 0', 'value 1', 'value 2']);
      store = await restarted(store, medium);
      const { damage } = await store.load('main');
      assert.deepEqual(
        damage.map(({ instance, through, hidesVote }) => ({ instance, through, hidesVote })),
        [{ instance: 3, through: 5, hidesVote: false }],
      );
      await store.commit(one('main', ...records(3, 5)));
      store = await restarted(store, medium);
      assert.deepEqual((await store.load('main')).damage, []);
      assert.equal((await texts(store, 'main')).length, 9);
    });

    test('trim takes away what lies below, for good, and leaves the rest in health', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', { type: 'promise', ballot: ballot(3) }, ...records(0, 2999)));
      await store.trim('main', 2500);
      await store.commit(one('main', record(3000, 'value 3000')));
      assert.deepEqual(await store.read('main', 2499, 10, 1000), []);
      assert.equal((await texts(store, 'main', 2500)).length, 501);
      store = await restarted(store, medium);
      const loaded = await store.load('main');
      assert.equal(loaded.firstKept, 2500);
      assert.deepEqual(loaded.damage, []);
      assert.deepEqual(loaded.promised, ballot(3));
      assert.deepEqual(await store.read('main', 0, 10, 1000), []);
      await store.trim('main', 100);
      assert.equal((await texts(store, 'main', 2500)).length, 501);
      await store.trim('main', 9000);
      store = await restarted(store, medium);
      const emptied = await store.load('main');
      assert.deepEqual([emptied.firstKept, emptied.last, emptied.damage], [9000, null, []]);
      assert.deepEqual(emptied.promised, ballot(3));
      await store.commit(one('main', record(9000, 'after a checkpoint')));
      store = await restarted(store, medium);
      const again = await store.load('main');
      assert.deepEqual([again.firstKept, again.last?.instance, again.damage], [9000, 9000, []]);
    });

    test('a trim beside commits loses nothing of either', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      await store.commit(one('main', ...records(0, 50)));
      const trims: Promise<void>[] = [];
      for (let instance = 51; instance <= 150; instance++) {
        if (instance % 10 === 0) trims.push(store.trim('main', instance - 20));
        await store.commit(one('main', record(instance, `value ${instance}`)));
      }
      await Promise.all(trims);
      store = await restarted(store, medium);
      const loaded = await store.load('main');
      assert.deepEqual([loaded.firstKept, loaded.last?.instance, loaded.damage], [130, 150, []]);
    });

    test('bytes handed in may be reused after the commit, bytes handed out are the reader own', async () => {
      const medium = await freshMedium();
      const store = await opened(medium);
      const write = record(0, 'untouched');
      await store.commit(one('main', write));
      write.value.bytes.fill(0);
      const [first] = await store.read('main', 0, 1, 1000);
      first?.value.bytes.fill(1);
      (await store.load('main')).last?.value.bytes.fill(2);
      assert.deepEqual(await texts(store, 'main'), ['untouched']);
      const next = await restarted(store, medium);
      assert.deepEqual(await texts(next, 'main'), ['untouched']);
    });

    test('a value of the largest size goes in and comes out', async () => {
      const medium = await freshMedium();
      let store = await opened(medium);
      const bytes = new Uint8Array(10 * 1024 * 1024);
      for (let i = 0; i < bytes.length; i += 4093) bytes[i] = i & 0xff;
      await store.commit(one('main', { ...record(0, ''), value: { id: 'big', bytes } }));
      await store.commit(one('main', record(1, 'small')));
      store = await restarted(store, medium);
      const [big, small] = await store.read('main', 0, 2, Number.MAX_SAFE_INTEGER);
      assert.equal(Buffer.compare(big?.value.bytes ?? new Uint8Array(), bytes), 0);
      assert.equal(textOf(small?.value.bytes ?? new Uint8Array()), 'small');
      assert.equal((await store.read('main', 0, 2, 1024)).length, 1);
    });

    test('an empty commit, and one of a group without writes, are accepted and change nothing', async () => {
      const store = await opened(await freshMedium());
      await store.commit([]);
      await store.commit([{ group: 'main', writes: [] }]);
      assert.deepEqual(await store.groups(), []);
    });

    test('after reopen the store goes on under a later epoch', async () => {
      const medium = await freshMedium();
      const store = medium.store();
      world.mind(store);
      const first = await store.open();
      await store.commit(one('main', record(0, 'before')));
      const second = await store.reopen();
      assert.equal(second.identity, first.identity);
      assert.ok(second.epoch > first.epoch);
      assert.equal(second.fresh, false);
      await store.load('main');
      await store.commit(one('main', record(1, 'after')));
      assert.deepEqual(await texts(store, 'main'), ['before', 'after']);
      assert.deepEqual((await store.load('main')).damage, []);
    });

    test('close is idempotent and waits for the commit in flight', async () => {
      const medium = await freshMedium();
      const store = await opened(medium);
      const commit = store.commit(one('main', record(0, 'in flight')));
      await store.close();
      await commit;
      await store.close();
      await assert.rejects(store.commit(one('main', record(1, 'too late'))));
      const next = await opened(medium);
      assert.deepEqual(await texts(next, 'main'), ['in flight']);
    });

    if (harness.secondOpen === 'fences') {
      test('a second open fences the first one off: its commits and trims write nothing', async () => {
        const medium = await freshMedium();
        const old = await opened(medium);
        await old.commit(one('main', record(0, 'mine')));
        const young = await opened(medium);
        await assert.rejects(old.holds(), StoreFenced, 'it hears of it also when it writes nothing');
        await assert.rejects(old.commit(one('main', record(1, 'stale'))), StoreFenced);
        await young.load('main');
        await young.commit(one('main', record(1, 'fresh')));
        await assert.rejects(old.commit(one('main', record(1, 'stale'))));
        assert.deepEqual(await texts(young, 'main'), ['mine', 'fresh']);
        assert.deepEqual((await young.load('main')).damage, []);
      });

      // The engine reopens after every failure, also after one that has nothing to do with the fence, such as a server
      // that was restarted: found in the simulator, where an older process took the store back from the newer one.
      test('who was fenced off cannot take the store back by reopening it', async () => {
        const medium = await freshMedium();
        const old = await opened(medium);
        const young = await opened(medium);
        await assert.rejects(old.reopen(), StoreFenced);
        await young.commit(one('main', record(0, 'still mine')));
        await young.reopen();
        await young.load('main');
        await young.commit(one('main', record(1, 'and again')));
        await assert.rejects(old.reopen(), StoreFenced);
        assert.deepEqual(await texts(young, 'main'), ['still mine', 'and again']);
      });
    } else {
      test('a second open is refused, saying what is wrong, and the first goes on', async () => {
        const medium = await freshMedium();
        const holder = await opened(medium);
        const second = medium.store();
        world.mind(second);
        await assert.rejects(second.open(), StoreUnusable);
        await holder.commit(one('main', record(0, 'mine')));
        assert.deepEqual(await texts(holder, 'main'), ['mine']);
      });
    }

    describe('what a failing medium does to it is found at load', () => {
      async function prepared(): Promise<Medium> {
        const medium = await freshMedium();
        const store = await opened(medium);
        for (let instance = 0; instance <= 9; instance++) {
          await store.commit(
            one('main', { type: 'promise', ballot: ballot(instance + 1) }, record(instance, `value ${instance}`)),
          );
        }
        await store.commit(one('other', record(0, 'unharmed')));
        await store.close();
        return medium;
      }

      test('a garbled closed record is dropped, hides no vote, and can be learned again', async () => {
        const medium = await prepared();
        await medium.flipRecord('main', 4);
        let store = await opened(medium);
        const loaded = await store.load('main');
        assert.deepEqual(
          loaded.damage.map(({ instance, hidesVote }) => ({ instance, hidesVote })),
          [{ instance: 4, hidesVote: false }],
        );
        assert.equal(loaded.last?.instance, 9);
        assert.deepEqual(await texts(store, 'main'), ['value 0', 'value 1', 'value 2', 'value 3']);
        assert.deepEqual(await texts(store, 'main', 4), []);
        await store.commit(one('main', record(4, 'value 4', { chosen: true })));
        assert.equal((await texts(store, 'main')).length, 10);
        store = await restarted(store, medium);
        assert.deepEqual((await store.load('main')).damage, []);
        assert.deepEqual((await store.load('other')).damage, []);
      });

      test('a lost closed record is noticed', async () => {
        const medium = await prepared();
        await medium.loseRecord('main', 4);
        const store = await opened(medium);
        const { damage } = await store.load('main');
        assert.deepEqual(
          damage.map(({ instance, hidesVote }) => ({ instance, hidesVote })),
          [{ instance: 4, hidesVote: false }],
        );
      });

      for (const how of ['flipRecord', 'loseRecord'] as const) {
        test(`the newest record gone (${how}) hides a vote`, async () => {
          const medium = await prepared();
          await medium[how]('main', 9);
          const store = await opened(medium);
          const loaded = await store.load('main');
          assert.equal(loaded.last?.instance, 8);
          assert.ok(loaded.damage.some(({ instance, hidesVote }) => instance === 9 && hidesVote));
          assert.deepEqual(await texts(store, 'main', 9), []);
          assert.deepEqual((await store.load('other')).damage, []);
        });
      }

      test('a garbled promise hides a vote', async () => {
        const medium = await prepared();
        await medium.flipPromise('main');
        const store = await opened(medium);
        const loaded = await store.load('main');
        assert.ok(loaded.damage.some(({ hidesVote }) => hidesVote));
        assert.equal((await texts(store, 'main')).length, 10);
        assert.deepEqual((await store.load('other')).damage, []);
      });

      test('that a vote may be lost is not forgotten by learning, only by promising again', async () => {
        const medium = await prepared();
        await medium.flipRecord('main', 9);
        let store = await opened(medium);
        await store.load('main');
        await store.commit(
          one('main', record(9, 'learned', { chosen: true }), record(10, 'learned', { chosen: true })),
        );
        store = await restarted(store, medium);
        assert.ok((await store.load('main')).damage.some(({ hidesVote }) => hidesVote));
        assert.equal((await texts(store, 'main')).length, 11);
        await store.commit(one('main', { type: 'promise', ballot: ballot(99) }));
        store = await restarted(store, medium);
        assert.deepEqual((await store.load('main')).damage, []);
      });
    });

    beginSuite(world);
    blockSuite(world, harness);
  });
}
