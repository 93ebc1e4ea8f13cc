// Fault 9 of PhxPaxos. Writers on several nodes outbid each other: a third of the speed of one writer, and a third of the
// calls failed. The rule: what a node takes goes to the master in one hop, and what is outbid all the same is proposed
// again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster.js';
import { count, counter } from './machines.js';

// Fails when nothing is forwarded: tried.
test('one writer on each node: no call fails, and no ballot is fought over', async () => {
  const cluster = await Cluster.start({ machines: () => [counter()] });
  const from = cluster.said.length;
  const calls = [];
  for (let round = 0; round < 50; round++) {
    for (const id of ['a', 'b', 'c']) calls.push(cluster.group(id).propose(count(`${id}${round}`)));
    await cluster.run(1);
  }
  await cluster.results(calls);
  const said = cluster.said.slice(from);
  assert.deepEqual(
    said.filter(({ message }) => message.type === 'prepare' || message.type === 'rejected'),
    [],
  );
  const proposers = new Set(said.filter(({ message }) => message.type === 'accept').map((each) => each.from));
  assert.deepEqual([...proposers], [cluster.master]);
});

test('writers that insist on their own node fight, and yet no call fails', async () => {
  const machine = counter();
  const cluster = await Cluster.start({ machines: (node) => [node === 'a' ? machine : counter()] });
  const from = cluster.said.length;
  const calls = [];
  for (let round = 0; round < 50; round++) {
    for (const id of ['a', 'b', 'c']) calls.push(cluster.group(id).propose(count(`${id}${round}`), { route: 'local' }));
    await cluster.run(1);
  }
  await cluster.results(calls);
  await cluster.run(100);
  assert.equal(new Set(machine.done).size, 150);
  assert.equal(machine.done.length, 150, 'each was executed once');
  assert.ok(
    cluster.said.slice(from).some(({ message }) => message.type === 'rejected'),
    'it was a fight',
  );
});
