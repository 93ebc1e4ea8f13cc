import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quorumOf } from '../../src/core/membership.js';
import { Tally } from '../../src/core/tally.js';
import { member, votersNamed } from './samples.js';

const three = votersNamed('a', 'b', 'c');

// Fails when the set of names becomes a number: tried.
test('a voter counts once, however often it answers', () => {
  const tally = new Tally(three);
  for (let time = 0; time < 5; time++) tally.yes('a', 'a');
  assert.equal(tally.won, false);
  tally.yes('b', 'b');
  assert.equal(tally.won, true);
});

// Fails when yes() does not ask who may vote: tried.
test('learners, observers and strangers do not count', () => {
  const members = [member('a'), member('b'), member('c'), member('l', 'learner'), member('o', 'observer')];
  const tally = new Tally({ ...three, members });
  for (const who of ['l', 'o', 'z']) {
    assert.equal(tally.yes(who, who), false);
    tally.no(who, who);
    assert.equal(tally.hasAnswered(who), false);
  }
  assert.deepEqual([tally.won, tally.lost, tally.refused], [false, false, false]);
});

test('a voter that speaks from another store than the listed one does not count', () => {
  const tally = new Tally(three);
  assert.equal(tally.yes('a', 'a wiped store'), false);
  assert.equal(tally.yes('b', null), false);
  assert.equal(tally.yes('c', 'c'), true);
  assert.equal(tally.won, false);
});

test('while a group is being founded no store is listed, and the name is enough; afterwards it never is', () => {
  const members = [{ ...member('a'), store: null }];
  const founding = new Tally({ gid: null, version: -1, members });
  assert.equal(founding.yes('a', 'whichever'), true);
  assert.equal(founding.won, true);
  const founded = new Tally({ gid: 'g', version: 0, members });
  assert.equal(founded.yes('a', 'whichever'), false);
  assert.equal(founded.yes('a', null), false);
});

test('a no after a yes changes nothing, a yes after a no counts', () => {
  const tally = new Tally(three);
  tally.yes('a', 'a');
  tally.no('a', 'a');
  assert.equal(tally.refused, false);
  tally.no('b', 'b');
  assert.equal(tally.refused, true);
  tally.yes('b', 'b');
  assert.deepEqual([tally.won, tally.refused], [true, false]);
});

test('for one to seven voters: won with a quorum and not with one less, lost when no quorum is left', () => {
  for (let voters = 1; voters <= 7; voters++) {
    const ids = Array.from({ length: voters }, (_, place) => `n${place}`);
    const membership = votersNamed(...ids);
    const quorum = quorumOf(membership);
    for (let yes = 0; yes <= voters; yes++) {
      for (let no = 0; yes + no <= voters; no++) {
        const tally = new Tally(membership);
        for (const id of ids.slice(0, yes)) tally.yes(id, id);
        for (const id of ids.slice(yes, yes + no)) tally.no(id, id);
        assert.equal(tally.won, yes >= quorum, `${yes} of ${voters} said yes`);
        assert.equal(tally.lost, voters - no < quorum, `${no} of ${voters} said no`);
      }
    }
  }
});

test('nothing is both won and lost, and what is won stays won', () => {
  const answer = fc.record({ who: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'z'), says: fc.boolean() });
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 30 }), (answers) => {
      const tally = new Tally(votersNamed('a', 'b', 'c', 'd', 'e'));
      let won = false;
      for (const { who, says } of answers) {
        if (says) tally.yes(who, who);
        else tally.no(who, who);
        assert.ok(!(tally.won && tally.lost));
        assert.ok(tally.won || !won);
        won = tally.won;
      }
    }),
  );
});
