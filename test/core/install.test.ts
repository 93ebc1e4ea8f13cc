// A snapshot takes the place of the log: what a replica keeps, what it forgets, and what it must not take along.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoneReplica, sentTo } from './lone-replica.js';
import { ballot, value, votersNamed } from './samples.js';

/** After instance 9, with the checksum 77, decided by a, b and c. */
const SNAPSHOT = { type: 'install', instance: 9, chain: 77, membership: votersNamed('a', 'b', 'c') } as const;

test('the log goes on behind the snapshot, under its members and from its checksum', () => {
  const lone = new LoneReplica();
  const membership = votersNamed('a', 'b', 'd');
  const out = lone.step({ ...SNAPSHOT, membership });
  assert.deepEqual([lone.replica.open, lone.replica.chain], [10, 77]);
  assert.equal(lone.replica.membership, membership);
  assert.deepEqual(out.chosen, [], 'nobody is told of values that this replica has never seen');
});

test('the promise stays, and the vote at the old instance is forgotten with it', () => {
  // Fault 2 of the original, its second half: installing a checkpoint forgot all promises.
  const lone = new LoneReplica();
  lone.hears('b', { type: 'accept', instance: 0, ballot: ballot(5, 'b'), value: value('v'), chain: 0 });
  lone.step(SNAPSHOT);
  assert.deepEqual(lone.replica.promised, ballot(5, 'b'));
  assert.equal(lone.replica.acceptor.vote, null);
  const refused = lone.hears('c', { type: 'prepare', instance: 10, ballot: ballot(4, 'c') });
  assert.deepEqual(sentTo('c', 'rejected', refused).promised, ballot(5, 'b'));
});

test('the right to skip phase one ends: nobody here has seen what became of the members on the way', () => {
  // Fault 16. Mutation: a proposer that keeps its right over `installed` sends an accept here.
  const lone = new LoneReplica();
  const accepting = lone.isPromisedByB('first');
  assert.equal(lone.replica.skipsPrepare, true);
  lone.saves(accepting);
  lone.step(SNAPSHOT);
  assert.equal(lone.replica.skipsPrepare, false);
  const out = lone.proposes('second');
  assert.equal(sentTo('b', 'prepare', out).instance, 10);
  assert.deepEqual(
    [...out.now, ...out.after].filter(({ message }) => message.type === 'accept'),
    [],
  );
});

test('a value that was under way is given back: whether it is inside, the snapshot does not tell', () => {
  const lone = new LoneReplica();
  lone.isPromisedByB('mine');
  const { settled } = lone.step(SNAPSHOT);
  assert.deepEqual(settled, [{ type: 'outbid', id: 'mine', instance: 9 }]);
  assert.equal(lone.replica.wantsValue, true);
});

test('a snapshot of what is closed here already changes nothing', () => {
  const lone = new LoneReplica({ open: 20, chain: 5 });
  lone.step(SNAPSHOT);
  assert.deepEqual([lone.replica.open, lone.replica.chain], [20, 5]);
});

test('whoever said that more is known is asked for the rest at once', () => {
  const lone = new LoneReplica();
  lone.hears('b', { type: 'teach', open: 50, entries: [] });
  assert.equal(lone.replica.isLevel, false);
  const out = lone.step(SNAPSHOT);
  assert.equal(sentTo('b', 'ask', out).open, 10);
  assert.equal(lone.replica.isLevel, false);
});

test('a node that is fetching a snapshot goes on believing that it lags, however long that takes', () => {
  const lone = new LoneReplica();
  lone.hears('b', { type: 'teach', open: 50, entries: [] });
  for (let i = 0; i < 20; i++) {
    lone.now += 1500;
    lone.step({ type: 'fetching' });
    lone.step({ type: 'tick' });
    assert.equal(lone.replica.isLevel, false);
  }
});

test('a snapshot whose members were set later than it is no snapshot', () => {
  const lone = new LoneReplica();
  const membership = { ...SNAPSHOT.membership, version: 10 };
  assert.throws(() => lone.step({ ...SNAPSHOT, membership }), /one-membership/);
});
