// What the suite of the LogStore port says of where a log begins, and of records that a checkpoint vouches for at load. Each
// rule was taken out of the ledger, the load or the read once, and a test here failed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BeginWrite, LogStore, StoredGroup } from '../../src/engine/log-store.js';
import type { Medium, StoreWorld } from './log-store-world.js';
import { ballot, one, record, records, textsOf } from './log-store-world.js';

const begin = (instance: number): BeginWrite => ({ type: 'begin', instance });
const extentOf = ({ firstKept, last, damage }: StoredGroup) => [firstKept, last?.instance ?? null, damage];

export function beginSuite(world: StoreWorld): void {
  describe('where the log begins', () => {
    async function holding(last: number): Promise<{ medium: Medium; store: LogStore }> {
      const medium = await world.medium();
      const store = await world.opened(medium);
      await store.commit(one('main', { type: 'promise', ballot: ballot(3) }, ...records(0, last)));
      return { medium, store };
    }

    test('inside the log: what is below is gone for reads and loads, at once and after a restart', async () => {
      const { medium, store } = await holding(3000);
      await store.commit(one('main', begin(2000)));
      assert.deepEqual(await store.read('main', 1999, 10, 1000), []);
      assert.deepEqual(await textsOf(store, 'main', 2000, 1), ['value 2000']);
      const next = await world.restarted(store, medium);
      const loaded = await next.load('main');
      assert.deepEqual(extentOf(loaded), [2000, 3000, []]);
      assert.deepEqual(loaded.promised, ballot(3));
      assert.deepEqual(await next.read('main', 1999, 10, 1000), []);
      await next.commit(one('main', record(3001, 'value 3001')));
      assert.deepEqual(extentOf(await (await world.restarted(next, medium)).load('main')), [2000, 3001, []]);
    });

    test('at the newest record: it stays, and is still known as the newest', async () => {
      const { medium, store } = await holding(5);
      await store.commit(one('main', begin(5)));
      const next = await world.restarted(store, medium);
      assert.deepEqual(extentOf(await next.load('main')), [5, 5, []]);
      await next.commit(one('main', record(5, 'again', { chosen: true }), record(6, 'six')));
      assert.deepEqual(extentOf(await (await world.restarted(next, medium)).load('main')), [5, 6, []]);
    });

    test('beyond the end: the log is empty, knows where it goes on, and goes on there', async () => {
      for (const place of [4, 5000]) {
        const { medium, store } = await holding(3);
        await store.commit(one('main', begin(place)));
        assert.deepEqual(extentOf(await store.load('main')), [place, null, []]);
        const next = await world.restarted(store, medium);
        assert.deepEqual(extentOf(await next.load('main')), [place, null, []]);
        assert.deepEqual(await next.read('main', 0, 10, 1000), []);
        await next.commit(one('main', record(place, 'on it goes')));
        const last = await world.restarted(next, medium);
        assert.deepEqual(extentOf(await last.load('main')), [place, place, []]);
        assert.deepEqual(await textsOf(last, 'main', place), ['on it goes']);
      }
    });

    test('in a group that holds nothing, and together with what comes after it in the same commit', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      const variable = { type: 'variable', name: 'checkpoint', json: '{"version":699}' } as const;
      await store.commit([
        { group: 'empty', writes: [begin(700)] },
        { group: 'main', writes: [variable, begin(700), record(700, 'value 700')] },
      ]);
      const next = await world.restarted(store, medium);
      assert.deepEqual(extentOf(await next.load('empty')), [700, null, []]);
      const loaded = await next.load('main');
      assert.deepEqual(extentOf(loaded), [700, 700, []]);
      assert.deepEqual(loaded.variables, new Map([['checkpoint', '{"version":699}']]));
    });

    test('it never moves back, not by a lower beginning and not by a record below it', async () => {
      const { medium, store } = await holding(9);
      await store.commit(one('main', begin(20), begin(10)));
      await store.commit(one('main', begin(5), record(8, 'below'), record(19, 'below')));
      assert.deepEqual(extentOf(await store.load('main')), [20, null, []]);
      const next = await world.restarted(store, medium);
      assert.deepEqual(extentOf(await next.load('main')), [20, null, []]);
      assert.deepEqual(await next.read('main', 8, 10, 1000), []);
      await next.trim('main', 3);
      await next.commit(one('main', record(20, 'twenty')));
      assert.deepEqual(extentOf(await (await world.restarted(next, medium)).load('main')), [20, 20, []]);
    });

    test('a record below it leaves nothing behind, on the medium neither', async () => {
      const { medium, store } = await holding(9);
      await store.trim('main', 5);
      await store.commit(one('main', begin(9), record(8, 'below', { chosen: true }), record(2, 'below')));
      await store.trim('main', 9);
      await store.commit(one('main', record(8, 'below', { chosen: true }), record(2, 'below')));
      await store.commit(one('main', record(9, 'again', { chosen: true })));
      const next = await world.restarted(store, medium);
      assert.deepEqual(extentOf(await next.load('main')), [9, 9, []]);
      await next.close();
      assert.equal(await medium.rows('main'), 1);
    });

    test('records that begin later than the log does leave a hole, which is named', async () => {
      const medium = await world.medium();
      const store = await world.opened(medium);
      await store.commit(one('main', begin(100), record(103, 'early')));
      const next = await world.restarted(store, medium);
      const { firstKept, damage } = await next.load('main');
      assert.deepEqual([firstKept, damage.map(({ instance, through }) => [instance, through])], [100, [[100, 102]]]);
    });

    test('trim gives the space of what is below back, of a log that goes on and of one that jumped', async () => {
      for (const place of [1500, 2500, 90_000]) {
        const { medium, store } = await holding(2000);
        await store.commit(one('main', begin(place)));
        const next = await world.restarted(store, medium);
        await next.load('main');
        await next.trim('main', place);
        await next.commit(one('main', record(Math.max(place, 2001), 'next')));
        await next.close();
        assert.equal(await medium.rows('main'), Math.max(0, 2001 - place) + 1);
      }
    });
  });

  describe('a load that starts where a checkpoint ends', () => {
    async function withRecords(): Promise<Medium> {
      const medium = await world.medium();
      const store = await world.opened(medium);
      for (let instance = 0; instance < 10; instance++) {
        await store.commit(
          one('main', { type: 'promise', ballot: ballot(instance + 1) }, record(instance, `value ${instance}`)),
        );
      }
      await store.commit(one('main', { type: 'variable', name: 'checkpoint', json: '{"version":4}' }));
      await store.close();
      return medium;
    }

    test('in health it says what the whole load says, and everything can be read', async () => {
      const medium = await withRecords();
      const store = await world.opened(medium);
      assert.deepEqual(await store.variables('main'), new Map([['checkpoint', '{"version":4}']]));
      assert.deepEqual(await store.variables('other'), new Map());
      const whole = await store.load('main');
      for (const from of [0, 5, 9, 10, 1000]) {
        assert.deepEqual(await store.load('main', from), whole);
        assert.equal((await textsOf(store, 'main')).length, 10);
        assert.deepEqual(await textsOf(store, 'main', 2, 3), ['value 2', 'value 3', 'value 4']);
      }
      assert.deepEqual(extentOf(await store.load('other', 7)), [0, null, []]);
    });

    for (const how of ['flipRecord', 'loseRecord'] as const) {
      test(`what is damaged below is found when it is read (${how})`, async () => {
        const medium = await withRecords();
        await medium[how]('main', 2);
        const store = await world.opened(medium);
        assert.deepEqual((await store.load('main', 5)).damage, []);
        assert.deepEqual(await textsOf(store, 'main'), ['value 0', 'value 1']);
        assert.deepEqual(await textsOf(store, 'main', 2), []);
        assert.equal((await textsOf(store, 'main', 3)).length, 7);
        assert.equal((await store.load('main')).damage.length, 1);
      });

      test(`what is damaged from there on is found at load (${how})`, async () => {
        const medium = await withRecords();
        await medium[how]('main', 5);
        const store = await world.opened(medium);
        const { damage } = await store.load('main', 5);
        assert.deepEqual(
          damage.map(({ instance, hidesVote }) => [instance, hidesVote]),
          [[5, false]],
        );
      });

      test(`the newest record gone hides a vote, wherever the load starts (${how})`, async () => {
        for (const from of [5, 9, 10, 1000]) {
          const medium = await withRecords();
          await medium[how]('main', 9);
          const store = await world.opened(medium);
          const { damage } = await store.load('main', from);
          assert.ok(damage.some(({ instance, hidesVote }) => instance === 9 && hidesVote));
        }
      });
    }

    test('a garbled promise hides a vote here too', async () => {
      const medium = await withRecords();
      await medium.flipPromise('main');
      const store = await world.opened(medium);
      assert.ok((await store.load('main', 9)).damage.some(({ hidesVote }) => hidesVote));
      assert.equal((await textsOf(store, 'main')).length, 10);
    });
  });
}
