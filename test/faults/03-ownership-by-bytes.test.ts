// Fault 3 of PhxPaxos. Whether a chosen value was one's own was decided by comparing bytes: of 600 calls with equal bytes
// on two nodes all were told OK, and 597 were executed. The rule: values and commands have ids of their own, and a call is
// answered by what became of its very command.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster.js';
import { type Counter, count, counter } from './machines.js';

// Fails when the committer does not look at who made a command: tried.
test('equal bytes proposed on all nodes at once: as many executions as answers, each with a place of its own', async () => {
  const counters = new Map<string, Counter>();
  const machines = (node: string) => {
    const one = counter();
    counters.set(node, one);
    return [one];
  };
  const cluster = await Cluster.start({ machines });
  const calls = [];
  for (let round = 0; round < 20; round++) {
    for (const id of ['a', 'b', 'c']) calls.push(cluster.group(id).propose(count('same'), { route: 'local' }));
    await cluster.run(2);
  }
  const answers = await cluster.results(calls);
  assert.equal(new Set(answers.map(({ instanceId, index }) => `${instanceId}.${index}`)).size, 60);
  // The machine answers with how many it has executed: no two calls were answered with one execution.
  assert.deepEqual(
    answers.map(({ result }) => Number(result)).sort((one, other) => one - other),
    range(1, 60),
  );
  await cluster.run(100);
  for (const id of ['a', 'b', 'c']) assert.equal(counters.get(id)?.done.length, 60);
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, place) => first + place);
}
