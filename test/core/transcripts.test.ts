// Whole rounds of three replicas, to be read. Each line is a letter that arrives ("a > b  …"), a write that reaches a disk,
// or an instance that is closed; ballots are round.node. What is saved after a close was written before it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaWorld } from './replica-world.js';

function reads(world: ReplicaWorld, text: string): void {
  const lines = text.split('\n').map((line) => line.trim());
  assert.deepEqual(
    world.transcript(),
    lines.filter((line) => line !== ''),
  );
}

/** a has made one value through both phases and may skip the first from now on. */
function settled(): ReplicaWorld {
  const world = new ReplicaWorld();
  world.propose('a', 'x');
  world.run();
  world.transcript();
  return world;
}

test('the first value of a proposer takes both phases: two round trips', () => {
  const world = new ReplicaWorld();
  world.propose('a', 'x');
  world.run();
  reads(
    world,
    `
    a proposes x
    a saves promise 1.a
    a > b  prepare 0 at 1.a
    b saves promise 1.a
    a > c  prepare 0 at 1.a
    c saves promise 1.a
    a > a  promised 0 at 1.a, no vote
    b > a  promised 0 at 1.a, no vote
    a saves vote 0 at 1.a: x
    c > a  promised 0 at 1.a, no vote
    a > b  accept 0 at 1.a: x
    b saves vote 0 at 1.a: x
    a > c  accept 0 at 1.a: x
    c saves vote 0 at 1.a: x
    a > a  accepted 0 at 1.a
    b > a  accepted 0 at 1.a
    a closes 0: x
    a tells who proposed x: chosen
    c > a  accepted 0 at 1.a
    a > b  chosen 0 at 1.a
    b closes 0: x
    a > c  chosen 0 at 1.a
    c closes 0: x
    `,
  );
});

test('every further value takes the second phase alone: one round trip, and one write on each disk', () => {
  const world = settled();
  world.propose('a', 'y');
  world.run();
  reads(
    world,
    `
    a proposes y
    a saves vote 1 at 1.a: y
    a > b  accept 1 at 1.a: y
    b saves vote 1 at 1.a: y
    a > c  accept 1 at 1.a: y
    c saves vote 1 at 1.a: y
    a > a  accepted 1 at 1.a
    b > a  accepted 1 at 1.a
    a closes 1: y
    a tells who proposed y: chosen
    c > a  accepted 1 at 1.a
    a > b  chosen 1 at 1.a
    b closes 1: y
    a > c  chosen 1 at 1.a
    c closes 1: y
    `,
  );
});

test('a slow disk of the proposer holds nobody up: the votes of the two others are a majority', () => {
  const world = settled();
  world.slowDisks.add('a');
  world.propose('a', 'y');
  world.run();
  world.save('a');
  world.run();
  reads(
    world,
    `
    a proposes y
    a > b  accept 1 at 1.a: y
    b saves vote 1 at 1.a: y
    a > c  accept 1 at 1.a: y
    c saves vote 1 at 1.a: y
    b > a  accepted 1 at 1.a
    c > a  accepted 1 at 1.a
    a closes 1: y
    a tells who proposed y: chosen
    a > b  chosen 1 at 1.a
    b closes 1: y
    a > c  chosen 1 at 1.a
    c closes 1: y
    a saves vote 1 at 1.a: y
    a > a  accepted 1 at 1.a
    `,
  );
});

test('two proposers outbid each other: the refused one backs off and comes back with a higher ballot', () => {
  const world = new ReplicaWorld();
  world.propose('a', 'x');
  world.hand('a', 'b', 'prepare');
  world.hand('a', 'c', 'prepare');
  world.hand('a', 'a', 'promised');
  world.hand('b', 'a', 'promised');
  world.propose('c', 'z');
  world.hand('c', 'b', 'prepare');
  world.hand('c', 'c', 'promised');
  world.hand('b', 'c', 'promised');
  world.hand('a', 'b', 'accept');
  world.hand('a', 'c', 'accept');
  world.hand('b', 'a', 'rejected');
  world.hand('c', 'a', 'rejected');
  const from = world.now;
  world.wake('a');
  assert.ok(world.now > from, 'a has waited');
  world.hand('a', 'b', 'prepare');
  world.hand('c', 'b', 'accept');
  world.hand('c', 'a', 'accept');
  world.hand('b', 'c', 'rejected');
  world.hand('a', 'c', 'rejected');
  reads(
    world,
    `
    a proposes x
    a saves promise 1.a
    a > b  prepare 0 at 1.a
    b saves promise 1.a
    a > c  prepare 0 at 1.a
    c saves promise 1.a
    a > a  promised 0 at 1.a, no vote
    b > a  promised 0 at 1.a, no vote
    a saves vote 0 at 1.a: x
    c proposes z
    c saves promise 2.c
    c > b  prepare 0 at 2.c
    b saves promise 2.c
    c > c  promised 0 at 2.c, no vote
    b > c  promised 0 at 2.c, no vote
    c saves vote 0 at 2.c: z
    a > b  accept 0 at 1.a: x
    a > c  accept 0 at 1.a: x
    b > a  rejected 0 at 1.a, promised 2.c
    c > a  rejected 0 at 1.a, promised 2.c
    a wakes
    a saves promise 3.a
    a > b  prepare 0 at 3.a
    b saves promise 3.a
    c > b  accept 0 at 2.c: z
    c > a  accept 0 at 2.c: z
    b > c  rejected 0 at 2.c, promised 3.a
    a > c  rejected 0 at 2.c, promised 3.a
    `,
  );
  // c backs off in its turn, and while it does a comes through.
  world.run();
  assert.deepEqual([world.log('a'), world.log('b'), world.log('c')], [['x'], ['x'], ['x']]);
  assert.deepEqual(world.seat('a').settled, [{ type: 'chosen', id: 'x', instance: 0 }]);
  assert.deepEqual(world.seat('c').settled, [{ type: 'outbid', id: 'z', instance: 0 }]);
});

test('the proposer is gone: the next proposal, on another node, waits for no election', () => {
  const world = settled();
  world.crash('a');
  world.propose('b', 'y');
  world.run();
  assert.equal(world.now, 0, 'no time was waited for');
  reads(
    world,
    `
    a crashes
    b proposes y
    b saves promise 2.b
    b > a  prepare 1 at 2.b … lost
    b > c  prepare 1 at 2.b
    c saves promise 2.b
    b > b  promised 1 at 2.b, no vote
    c > b  promised 1 at 2.b, no vote
    b > a  accept 1 at 2.b: y … lost
    b saves vote 1 at 2.b: y
    b > c  accept 1 at 2.b: y
    c saves vote 1 at 2.b: y
    b > b  accepted 1 at 2.b
    c > b  accepted 1 at 2.b
    b > a  chosen 1 at 2.b … lost
    b closes 1: y
    b tells who proposed y: chosen
    b > c  chosen 1 at 2.b
    c closes 1: y
    `,
  );
});

test('a vote whose proposer is gone is asked about, and then finished by who holds it', () => {
  const world = settled();
  world.propose('a', 'y');
  world.hand('a', 'b', 'accept');
  world.mail.length = 0;
  world.crash('a');
  world.transcript();
  world.wake('b');
  world.run();
  world.wake('b');
  world.run();
  reads(
    world,
    `
    b wakes
    b > a  ask from 1 … lost
    b > c  ask from 1
    b wakes
    b saves promise 2.b
    b > a  prepare 1 at 2.b … lost
    b > c  prepare 1 at 2.b
    c saves promise 2.b
    b > b  promised 1 at 2.b, voted y at 1.a
    c > b  promised 1 at 2.b, no vote
    b > a  accept 1 at 2.b: y … lost
    b saves vote 1 at 2.b: y
    b > c  accept 1 at 2.b: y
    c saves vote 1 at 2.b: y
    b > b  accepted 1 at 2.b
    c > b  accepted 1 at 2.b
    b > a  chosen 1 at 2.b … lost
    b closes 1: y
    b > c  chosen 1 at 2.b
    c closes 1: y
    `,
  );
});

test('a node that was cut off asks as soon as it is back, and is taught what it missed', () => {
  const world = settled();
  world.cutOff('c');
  for (const name of ['y', 'z']) {
    world.propose('a', name);
    world.run();
  }
  world.transcript();
  world.reconnect('c');
  world.run();
  assert.equal(world.now, 0, 'no time was waited for');
  reads(
    world,
    `
    c is back
    c > a  ask from 1
    a > c  ask from 3
    c > b  ask from 1
    b > c  ask from 3
    a > c  teach 1=y 2=z
    c closes 1: y
    c closes 2: z
    c saves learned 1 at 1.a: y
    c saves learned 2 at 1.a: z
    c > a  ask from 1
    b > c  teach 1=y 2=z
    c > a  ask from 3
    a > c  teach 1=y 2=z
    c > b  ask from 3
    c > a  ask from 3
    `,
  );
});

test('a restarted node starts from its disk: its promise stands, and what it lacks it asks for', () => {
  const world = settled();
  world.crash('b');
  world.propose('a', 'y');
  world.run();
  world.transcript();
  world.restart('b');
  world.run();
  assert.equal(world.transcript()[0], 'b starts, promised 1.a');
  assert.deepEqual(world.log('b'), ['x', 'y']);
  world.propose('b', 'z');
  world.run();
  assert.deepEqual(
    world.transcript().filter((line) => line.includes('prepare')),
    ['b > a  prepare 2 at 2.b', 'b > c  prepare 2 at 2.b'],
    'it has no right to skip phase one',
  );
  for (const { id } of world.seats) assert.deepEqual(world.log(id), ['x', 'y', 'z']);
});
