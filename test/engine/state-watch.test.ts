import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../src/core/membership.js';
import { StateWatch, SUM_EVERY_INSTANCES } from '../../src/engine/state/state-watch.js';

function members(...ids: string[]): Membership {
  return { gid: 'g', version: 0, members: ids.map((id) => ({ id, url: `http://${id}`, role: 'voter', store: id })) };
}

const three = members('a', 'b', 'c');
const at = SUM_EVERY_INSTANCES;

test('equal sums say nothing', () => {
  const watch = new StateWatch('a');
  assert.equal(watch.applied(at, 7, three), null);
  assert.equal(watch.heard('b', { instance: at, sum: 7 }, three), null);
  assert.deepEqual(watch.newest, { instance: at, sum: 7 });
});

test('of three, who stands alone is told that the majority is elsewhere', () => {
  const watch = new StateWatch('a');
  watch.applied(at, 1, three);
  assert.equal(watch.heard('b', { instance: at, sum: 2 }, three)?.majority, null, 'one against one blames nobody');
  assert.equal(watch.heard('c', { instance: at, sum: 2 }, three)?.majority, 'theirs');
});

test('whoever is with the majority names the one that is not', () => {
  const watch = new StateWatch('a');
  watch.heard('b', { instance: at, sum: 1 }, three);
  watch.heard('c', { instance: at, sum: 2 }, three);
  const dissent = watch.applied(at, 1, three);
  assert.deepEqual([dissent?.peer, dissent?.majority], ['c', 'mine']);
});

test('an observer blames nobody by its own number, and is blamed by the voters', () => {
  const membership: Membership = {
    ...three,
    members: [...three.members, { id: 'o', url: 'http://o', role: 'observer', store: 'o' }],
  };
  const watch = new StateWatch('o');
  watch.applied(at, 1, membership);
  assert.equal(watch.heard('a', { instance: at, sum: 2 }, membership)?.majority, null);
  assert.equal(watch.heard('b', { instance: at, sum: 2 }, membership)?.majority, 'theirs');
});

test('the same dissent is told once, until a majority shows', () => {
  const watch = new StateWatch('a');
  watch.applied(at, 1, three);
  assert.notEqual(watch.heard('b', { instance: at, sum: 2 }, three), null);
  assert.equal(watch.heard('b', { instance: at, sum: 2 }, three), null);
  assert.notEqual(watch.heard('c', { instance: at, sum: 2 }, three), null);
});

test('what is remembered is bounded', () => {
  const watch = new StateWatch('a');
  for (let i = 1; i <= 1000; i++) {
    watch.applied(i * at, i, three);
    watch.heard('b', { instance: i * at, sum: i }, three);
  }
  // Forgotten: a dissent about the first would show otherwise.
  assert.equal(watch.heard('c', { instance: at, sum: 99 }, three), null);
  assert.equal(watch.newest?.instance, 1000 * at);
});
