// Fault 1 of PhxPaxos. A message for the next instance under a ballot was taken as proof that the value of this ballot had
// been chosen at the instance before. It proves nothing: its sender may have learned another value there. The rule: chosen
// is said by who counted a majority, or who learned it, and is never inferred.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaWorld } from '../core/replica-world.js';
import { votersNamed } from '../core/samples.js';

// Fails when the next instance's message closes the one before: tried.
test('five nodes and a healed partition: a vote that lost is not taken for chosen because its proposer has gone on', () => {
  const world = new ReplicaWorld(votersNamed('a', 'b', 'c', 'd', 'e'));
  world.propose('a', 'x');
  while (world.seat('a').replica?.skipsPrepare === false) world.deliver();
  // x reaches e alone; then a and e are on their own, and the others choose z with a higher ballot.
  world.hand('a', 'e', 'accept');
  assert.equal(world.seat('e').replica?.acceptor.vote?.value.id, 'x');
  world.mail.length = 0;
  world.cutOff('a');
  world.cutOff('e');
  world.propose('b', 'z');
  world.run();
  for (const id of ['b', 'c', 'd']) assert.deepEqual(world.log(id), ['z']);
  // a comes back first and learns z. It still has the right to its ballot, and goes on with it at the next instance.
  world.reconnect('a');
  world.run();
  assert.deepEqual(world.log('a'), ['z']);
  world.propose('a', 'y');
  const accept = world.mail.find(({ message }) => message.type === 'accept')?.message;
  const vote = world.seat('e').replica?.acceptor.vote;
  assert.ok(accept?.type === 'accept');
  assert.deepEqual([accept.instance, accept.ballot], [1, vote?.ballot], 'the very ballot of the vote that lost');
  world.step('e', { type: 'deliver', from: 'a', store: 'a', message: accept });
  assert.deepEqual(world.log('e'), [], 'e has closed nothing');
  world.reconnect('e');
  world.run();
  assert.equal(world.log('e')[0], 'z');
});
