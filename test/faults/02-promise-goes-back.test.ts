// Fault 2 of PhxPaxos. Learning a value overwrote the durable promise with the learned, lower ballot, and after a restart
// a committed write could be lost. The rule: the promise is a register of its own, written by the acceptor alone. That no
// store lets it go down is proved by the suite that all stores pass (test/conformance/log-store.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoneReplica, sentTo } from '../core/lone-replica.js';
import { ReplicaWorld } from '../core/replica-world.js';
import { ballot, chain, describeWrite, value } from '../core/samples.js';

const high = ballot(9, 'c');

// Fails when learning writes the ballot of what it learned into the register: tried.
test('being taught a value of a lower ballot leaves the promise alone, in memory and on disk', () => {
  const lone = new LoneReplica();
  lone.hears('c', { type: 'prepare', instance: 0, ballot: high });
  const entry = { instance: 0, ballot: ballot(1, 'b'), value: value('x'), chain: chain(0, 0, value('x')) };
  const out = lone.hears('b', { type: 'teach', open: 1, entries: [entry] });
  assert.deepEqual(out.writes.map(describeWrite), ['learned 0 at 1.b: x']);
  assert.deepEqual(lone.replica.promised, high);
  const late = { type: 'accept', instance: 1, ballot: ballot(1, 'b'), value: value('y'), chain: entry.chain } as const;
  assert.equal(sentTo('b', 'rejected', lone.hears('b', late)).promised, high);
});

test('being told of a choice at a lower ballot leaves the promise alone', () => {
  const lone = new LoneReplica();
  const low = ballot(1, 'b');
  lone.hears('b', { type: 'accept', instance: 0, ballot: low, value: value('x'), chain: 0 });
  lone.hears('c', { type: 'prepare', instance: 0, ballot: high });
  const out = lone.hears('b', { type: 'chosen', instance: 0, ballot: low, chain: 0 });
  assert.equal(out.chosen.length, 1);
  assert.deepEqual(out.writes, []);
  assert.deepEqual(lone.replica.promised, high);
});

test('a node that promised, then learned, then starts again still refuses what it has promised to refuse', () => {
  const world = new ReplicaWorld();
  world.propose('a', 'x');
  world.run();
  world.cutOff('c');
  world.propose('a', 'y');
  world.run();
  // c promises itself a high ballot while it is alone, then learns y, which stands at the old one.
  world.step('c', { type: 'deliver', from: 'c', store: 'c', message: { type: 'prepare', instance: 1, ballot: high } });
  assert.deepEqual(world.seat('c').promised, high);
  world.reconnect('c');
  world.run();
  assert.deepEqual(world.log('c'), ['x', 'y']);
  world.crash('c');
  world.restart('c');
  world.run();
  assert.deepEqual(world.seat('c').replica?.promised, high);
  world.transcript();
  world.propose('a', 'z');
  world.run();
  assert.ok(world.transcript().includes('c > a  rejected 2 at 1.a, promised 9.c'));
});
