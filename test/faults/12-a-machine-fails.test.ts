// Fault 12 of PhxPaxos. A machine that failed stopped the group until some message happened by, and then the whole batch
// was executed again. The rule: a machine may reject a command, which is an answer, and the log goes on; if it throws, the
// group halts on that node, says so, tries again by itself, and goes on at that very command. (The router's part is proved
// in test/machines/router.test.ts.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import { Cluster } from './cluster.js';
import { type Counter, count, counter } from './machines.js';

async function started(): Promise<{ cluster: Cluster; machines: Map<string, Counter> }> {
  const machines = new Map(['a', 'b', 'c'].map((id) => [id, counter()]));
  const cluster = await Cluster.start({ machines: (node) => [machines.get(node) ?? counter()] });
  return { cluster, machines };
}

// Fails when the applier does not try again by itself, and when the router starts the batch anew: tried.
test('a machine that throws halts its node alone, is tried again without any message, and nothing is executed twice', async () => {
  const { cluster, machines } = await started();
  const { master } = cluster;
  const [sick = '', well = ''] = cluster.others;
  const machine = machines.get(sick);
  assert.ok(machine);
  machine.fault = 'two';
  const group = cluster.group(sick);
  const [batch] = await cluster.results([cluster.group(master).proposeBatch(['one', 'two', 'three'].map(count))]);
  assert.ok(batch);
  await cluster.results([cluster.group(master).propose(count('four'))]);
  await cluster.run(5);
  assert.match(group.status().halted ?? '', /the counter is stuck/);
  assert.deepEqual(machine.done, ['one']);
  assert.deepEqual(machines.get(well)?.done, ['one', 'two', 'three', 'four']);
  assert.equal(group.lastChosen, cluster.group(well).lastChosen, 'the log grows on all the same');
  const [refused] = await cluster.answers([group.propose(count('five'))]);
  assert.ok(refused?.status === 'rejected');
  const { code, outcome } = refused.reason as PaxmeshError;
  assert.deepEqual([code, outcome], ['halted', 'none']);
  // By then everybody has told the others how far it is.
  await cluster.run(1500);
  const from = cluster.said.length;
  await cluster.run(2000);
  assert.deepEqual(machine.done, ['one'], 'still stuck, and still only once');
  machine.fault = null;
  await cluster.until('the machine goes on', () => group.status().halted === null);
  assert.deepEqual(machine.done, ['one', 'two', 'three', 'four']);
  const { instanceId } = batch;
  assert.deepEqual(await group.instance(instanceId), await cluster.group(well).instance(instanceId));
  assert.equal(cluster.said.length, from, 'nobody has said anything meanwhile');
});

test('a machine that rejects gives an answer, and the log goes on', async () => {
  const { cluster, machines } = await started();
  const [other = ''] = cluster.others;
  const [no, yes] = await cluster.answers(['no', 'yes'].map((word) => cluster.group(other).propose(count(word))));
  assert.ok(no?.status === 'rejected' && yes?.status === 'fulfilled');
  const { code, message } = no.reason as PaxmeshError;
  assert.deepEqual([code, message], ['command-rejected', 'it is not in the mood']);
  await cluster.run(50);
  for (const id of ['a', 'b', 'c']) {
    assert.equal(cluster.group(id).status().halted, null);
    assert.deepEqual(machines.get(id)?.done, ['yes']);
  }
});
