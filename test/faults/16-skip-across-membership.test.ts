// Fault 16 of PhxPaxos. The right to skip phase one survived a change of membership: promises of a majority of the old
// voters say nothing about a majority of the new ones, and two values were chosen. The rule: a change of membership ends
// the right, and it is in force from the very next instance on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceId } from '../../src/core/ids.js';
import type { Membership } from '../../src/core/membership.js';
import type { Value } from '../../src/core/value.js';
import { LoneReplica, sentTo } from '../core/lone-replica.js';
import { ReplicaWorld } from '../core/replica-world.js';
import { member, votersNamed } from '../core/samples.js';

/** The value "swap" takes the vote from a and gives one to e. */
function membershipAfter(before: Membership, instance: InstanceId, { id }: Value): Membership {
  if (id !== 'swap') return before;
  const members = [member('a', 'observer'), member('b'), member('c'), member('e')];
  return { ...before, version: instance, members };
}

const before: Membership = {
  ...votersNamed('a', 'b', 'c'),
  members: [member('a'), member('b'), member('c'), member('e', 'observer')],
};

// Fails when the right outlives the change: tried.
test('after a change of membership the same proposer asks the new voters for their promise first', () => {
  const lone = new LoneReplica({ self: 'c', store: 'c', membership: before }, { membershipAfter });
  const asked = lone.proposes('swap');
  const at = sentTo('b', 'prepare', asked).ballot;
  lone.saves(asked);
  lone.hears('a', { type: 'promised', instance: 0, ballot: at, vote: null });
  lone.hears('a', { type: 'accepted', instance: 0, ballot: at });
  lone.hears('b', { type: 'accepted', instance: 0, ballot: at });
  assert.equal(lone.replica.open, 1);
  assert.equal(lone.replica.skipsPrepare, false);
  const next = lone.proposes('x');
  assert.deepEqual(
    [...next.now, ...next.after].map(({ to, message }) => `${message.type} to ${to}`),
    ['prepare to b', 'prepare to e', 'promised to c'],
  );
});

test('a value that leaves the members as they are leaves the right as it is', () => {
  const lone = new LoneReplica({ self: 'c', store: 'c', membership: before }, { membershipAfter });
  const asked = lone.proposes('x');
  const at = sentTo('b', 'prepare', asked).ballot;
  lone.saves(asked);
  lone.hears('a', { type: 'promised', instance: 0, ballot: at, vote: null });
  lone.hears('a', { type: 'accepted', instance: 0, ballot: at });
  lone.hears('b', { type: 'accepted', instance: 0, ballot: at });
  assert.equal(lone.replica.skipsPrepare, true);
});

// The world stops at "two values at instance 1" when the right outlives the change: tried.
test('the story of two values: the new majority has chosen before the old right is used again', () => {
  const world = new ReplicaWorld(before, { membershipAfter });
  // c is promised its ballot by a; b hears nothing of it.
  world.cutOff('b');
  world.propose('c', 'swap');
  world.run();
  assert.deepEqual(world.log('e'), ['swap'], 'observers are taught');
  // b comes back, learns who votes now, and chooses z together with e, at a ballot below that of c.
  world.reconnect('b');
  world.run();
  world.cutOff('c');
  world.propose('b', 'z');
  world.hand('b', 'e', 'prepare');
  world.hand('b', 'b', 'promised');
  world.hand('e', 'b', 'promised');
  world.hand('b', 'e', 'accept');
  world.hand('b', 'b', 'accepted');
  world.hand('e', 'b', 'accepted');
  assert.deepEqual(world.log('b'), ['swap', 'z']);
  assert.deepEqual(world.log('e'), ['swap'], 'e has voted, and has not heard yet how it ended');
  // c knows nothing of that. What it proposes now must end as z.
  world.mail.length = 0;
  world.crash('b');
  world.propose('c', 'x');
  world.reconnect('c');
  world.run();
  assert.deepEqual(world.log('c'), ['swap', 'z']);
});
