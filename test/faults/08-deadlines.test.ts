// Fault 8 of PhxPaxos. A time-out below 200 ms made every call fail, a batch of one left its index unset, and those who
// waited in a batch had no deadline. The rule: a deadline on everybody, as short as they like, and every answer comes from
// the place in the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import { Cluster } from './cluster.js';
import { count, counter } from './machines.js';

const machines = () => [counter()];

test('a time-out of 20 ms is enough where a round trip takes one: no call fails', async () => {
  const cluster = await Cluster.start({ machines });
  for (let round = 0; round < 20; round++) {
    await cluster.results(['a', 'b', 'c'].map((id) => cluster.group(id).propose(count('quick'), { timeoutMs: 20 })));
  }
});

test('a batch of one tells its instance and its index, as every batch does', async () => {
  const cluster = await Cluster.start({ machines });
  for (const id of ['a', 'b', 'c']) {
    const [one, three] = await cluster.results([
      cluster.group(id).proposeBatch([count('one')]),
      cluster.group(id).proposeBatch([count('1'), count('2'), count('3')]),
    ]);
    assert.ok(one && three);
    const places = [one, three].flatMap(({ instanceId, results }) => {
      return results.map(({ index }) => `${instanceId}.${index}`);
    });
    assert.equal(new Set(places).size, 4, places.join(' '));
    const view = await cluster.group(id).instance(one.instanceId);
    assert.equal(view.values[one.results[0]?.index ?? -1]?.valueJson, '"one"');
    const indexes = three.results.map(({ index }) => index);
    assert.deepEqual(
      indexes,
      [0, 1, 2].map((offset) => (indexes[0] ?? 0) + offset),
    );
  }
});

// Fails when the deadlines are not looked at: tried.
test('without a majority everybody is told in time, who waits for a batch too, and who never left the queue hears "none"', async () => {
  const cluster = await Cluster.start({ machines });
  const { master } = cluster;
  for (const id of cluster.others) cluster.swallow(id);
  const group = cluster.group(master);
  const from = cluster.time.now;
  const options = { timeoutMs: 120 };
  const sent = group.proposeBatch([count('sent'), count('along')], options);
  await cluster.run(5);
  const [first, second, third] = await cluster.answers<unknown>([
    sent,
    group.proposeBatch([count('waits'), count('in the batch')], options),
    group.propose(count('waits alone'), options),
  ]);
  assert.ok(cluster.time.now - from < 200);
  const outcomes = [first, second, third].map((answer) => {
    return answer?.status === 'rejected' ? (answer.reason as PaxmeshError).outcome : 'answered';
  });
  assert.deepEqual(outcomes, ['unknown', 'none', 'none']);
});
