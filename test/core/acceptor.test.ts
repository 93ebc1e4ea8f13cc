import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Acceptor, type OwnVote } from '../../src/core/acceptor.js';
import { type Ballot, compareBallots, maxBallot, NO_BALLOT } from '../../src/core/ballot.js';
import { type Effects, noEffects } from '../../src/core/effects.js';
import { InvariantBroken } from '../../src/core/invariant.js';
import { ballot, describeWrite, value } from './samples.js';

const low = ballot(1, 'a');
const middle = ballot(2, 'b');
const high = ballot(3, 'c');
const voted = (at: Ballot, id: string): OwnVote => ({ ballot: at, value: value(id), chain: 7 });
const written = (out: Effects) => out.writes.map(describeWrite);

test('a higher ballot is promised: the register is written, and the answer tells the vote', () => {
  const acceptor = new Acceptor(low, voted(low, 'x'));
  const out = noEffects();
  assert.deepEqual(acceptor.prepare(0, middle, out), {
    type: 'promised',
    instance: 0,
    ballot: middle,
    vote: { ballot: low, value: value('x') },
  });
  assert.deepEqual(written(out), ['promise 2.b']);
  assert.deepEqual(acceptor.promised, middle);
});

test('the promised ballot itself is promised again, and nothing is written twice', () => {
  const acceptor = new Acceptor(middle, null);
  const out = noEffects();
  assert.equal(acceptor.prepare(0, middle, out).type, 'promised');
  assert.deepEqual(out.writes, []);
});

// Fails when either comparison with the promise is removed: tried.
test('a lower ballot is refused in both phases, with the promise that stands against it', () => {
  const acceptor = new Acceptor(high, voted(low, 'x'));
  const out = noEffects();
  const refusal = { type: 'rejected', instance: 4, ballot: middle, promised: high };
  assert.deepEqual(acceptor.prepare(4, middle, out), refusal);
  assert.deepEqual(acceptor.accept(4, middle, value('y'), 9, out), refusal);
  assert.deepEqual(out.writes, []);
  assert.deepEqual(acceptor.vote, voted(low, 'x'));
});

test('between two nodes of one round the name decides', () => {
  const acceptor = new Acceptor(ballot(2, 'b'), null);
  assert.equal(acceptor.prepare(0, ballot(2, 'a'), noEffects()).type, 'rejected');
  assert.equal(acceptor.prepare(0, ballot(2, 'c'), noEffects()).type, 'promised');
});

// Fails when accept leaves the register as it is: tried.
test('a vote above the promise raises the promise with it', () => {
  const acceptor = new Acceptor(low, null);
  const out = noEffects();
  assert.deepEqual(acceptor.accept(4, middle, value('y'), 9, out), { type: 'accepted', instance: 4, ballot: middle });
  assert.deepEqual(written(out), ['promise 2.b', 'vote 4 at 2.b: y']);
  assert.deepEqual(acceptor.promised, middle);
  assert.deepEqual(acceptor.vote, { ballot: middle, value: value('y'), chain: 9 });
});

test('a vote sent again is answered again and written once', () => {
  const acceptor = new Acceptor(NO_BALLOT, null);
  acceptor.accept(0, low, value('x'), 7, noEffects());
  const out = noEffects();
  assert.equal(acceptor.accept(0, low, value('x'), 7, out).type, 'accepted');
  assert.deepEqual(out.writes, []);
});

// Fails when the comparison of the ids is removed: tried.
test('two values under one ballot stop the node', () => {
  const acceptor = new Acceptor(low, voted(low, 'x'));
  assert.throws(
    () => acceptor.accept(0, low, value('y'), 7, noEffects()),
    (error) => error instanceof InvariantBroken && error.invariant === 'ballot-owner',
  );
});

test('a vote on disk above the promise on disk stops the node', () => {
  assert.throws(
    () => new Acceptor(low, voted(middle, 'x')),
    (error) => error instanceof InvariantBroken && error.invariant === 'vote-after-promise',
  );
});

test('the next instance keeps the promise and starts without a vote', () => {
  const acceptor = new Acceptor(low, voted(low, 'x'));
  acceptor.nextInstance();
  assert.deepEqual(acceptor.promised, low);
  assert.equal(acceptor.vote, null);
});

test('whatever comes, the promise only rises, no vote is below it, and the disk agrees with the memory', () => {
  const anyBallot = fc.record({ round: fc.integer({ min: 1, max: 6 }), node: fc.constantFrom('a', 'b', 'c') });
  const ask = fc.record({ type: fc.constantFrom('prepare', 'accept', 'next'), ballot: anyBallot });
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 60 }), (asks) => {
      const acceptor = new Acceptor(NO_BALLOT, null);
      let instance = 0;
      let onDisk = NO_BALLOT;
      for (const { type, ballot: asked } of asks) {
        const before = acceptor.promised;
        const out = noEffects();
        if (type === 'next') {
          acceptor.nextInstance();
          instance++;
        } else if (type === 'prepare') acceptor.prepare(instance, asked, out);
        // One value per ballot, as an honest proposer has it.
        else acceptor.accept(instance, asked, value(`${instance}-${asked.round}${asked.node}`), 0, out);
        assert.ok(compareBallots(acceptor.promised, before) >= 0);
        for (const write of out.writes) {
          assert.ok(compareBallots(write.ballot, before) >= 0, 'written below the promise');
          if (write.type === 'promise') onDisk = maxBallot(onDisk, write.ballot);
        }
        assert.deepEqual(onDisk, acceptor.promised);
      }
    }),
  );
});
