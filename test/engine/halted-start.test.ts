// A node whose machines are behind its log (one of them throws) still has to know who decides the next instance. Its
// replica takes the members from the log itself, and not from what was applied.
// Tried: with the members as applied, both tests fail: the node prepares and counts majorities among voters of long ago.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from '../faults/cluster.js';
import { type Counter, count, counter } from '../faults/machines.js';

async function stuck(): Promise<{ cluster: Cluster; sick: string; machines: Map<string, Counter> }> {
  const machines = new Map<string, Counter>();
  const faults = new Map<string, string>();
  const cluster = await Cluster.start({
    machines: (node) => {
      const machine = counter();
      machine.fault = faults.get(node) ?? null;
      machines.set(node, machine);
      return [machine];
    },
  });
  const [sick = '', other = ''] = cluster.others;
  faults.set(sick, 'stone');
  const machine = machines.get(sick);
  assert.ok(machine);
  machine.fault = 'stone';
  const { master } = cluster;
  await cluster.result(cluster.group(master).propose(count('stone')));
  await cluster.result(cluster.group(master).updateMember(other, { url: 'http://elsewhere' }));
  await cluster.result(cluster.group(master).propose(count('after it')));
  await cluster.until('it has the log', () => cluster.group(sick).lastChosen === cluster.group(master).lastChosen);
  assert.notEqual(cluster.group(sick).status().halted, null);
  return { cluster, sick, machines };
}

function deciding(cluster: Cluster, node: string) {
  return cluster.node(node).pumped('g')?.replica?.membership;
}

test('a node that is killed while it is halted starts under the members that its log names', async () => {
  const { cluster, sick } = await stuck();
  cluster.kill(sick);
  await cluster.startNode(sick);
  await cluster.run(100);
  assert.notEqual(cluster.group(sick).status().halted, null, 'it is halted still');
  assert.deepEqual(deciding(cluster, sick), deciding(cluster, cluster.master));
});

test('a node whose store fails while it is halted goes on under the members that its log names', async () => {
  const { cluster, sick, machines } = await stuck();
  cluster.failNextCommit(sick, 'after');
  await cluster.result(cluster.group(cluster.master).propose(count('one more')));
  await cluster.run(1000);
  assert.equal(cluster.group(sick).status().store.available, true);
  assert.deepEqual(deciding(cluster, sick), deciding(cluster, cluster.master));
  const machine = machines.get(sick);
  assert.ok(machine);
  machine.fault = null;
  await cluster.until('it goes on', () => cluster.group(sick).applied === cluster.group(cluster.master).applied);
});
