// A cluster that has lost its quorum for ever: one node goes on from what its disk holds, alone, under another gid. Tried:
// without closing the vote, and with what stands before taught one by one, these fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBallots } from '../../src/core/ballot.js';
import { type GroupRecovery, NotRecoverable, planRecovery } from '../../src/engine/rescue/group-recovery.js';
import { damageOf, reportOf } from '../../src/engine/rescue/store-audit.js';
import { Cluster } from '../faults/cluster.js';

const GROUP = 'g';

async function add(cluster: Cluster, node: string, value: number): Promise<void> {
  const bytes = Buffer.from(`{"op":"add","name":"n","add":${value}}`);
  await cluster.result(cluster.group(node).propose({ machine: 'counter', encoding: 'json', bytes }));
}

async function many(cluster: Cluster, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await add(cluster, cluster.master, 1);
}

async function sum(cluster: Cluster, node: string): Promise<unknown> {
  const { answer } = await cluster.result(cluster.group(node).read('counter', { name: 'n' }));
  return (answer as { value: number }).value;
}

function killAll(cluster: Cluster): void {
  for (const id of cluster.ids) cluster.kill(id);
}

async function recovered(cluster: Cluster, id: string, newGid = 'another'): Promise<GroupRecovery | null> {
  const store = cluster.storeOf(id);
  const { identity } = await store.open();
  const options = { self: id, storeId: identity, url: null, newGid, at: '2026-01-01T00:00:00.000Z' };
  const before = (await store.load(GROUP)).promised;
  const plan = await planRecovery(store, GROUP, options);
  if (plan !== null) await store.commit([{ group: GROUP, writes: plan.writes }]);
  const { promised } = await store.load(GROUP);
  assert.ok(compareBallots(promised, before) >= 0, 'a promise never goes back');
  assert.deepEqual(await damageOf(store, GROUP), []);
  await store.close();
  return plan;
}

async function servesAlone(cluster: Cluster, id: string, total: number): Promise<void> {
  await cluster.startNode(id);
  const group = cluster.group(id);
  // The lease of the old cluster's master runs out first.
  await cluster.run(3000);
  await cluster.until('it is master', () => group.masterView().self);
  const { gid, members } = group.membersView();
  assert.deepEqual([gid, members.map((member) => member.id)], ['another', [id]]);
  assert.equal(await sum(cluster, id), total);
  await add(cluster, id, 1);
  assert.equal(await sum(cluster, id), total + 1);
}

async function joins(cluster: Cluster, to: string, newcomer: string, total: number): Promise<void> {
  await cluster.join(newcomer);
  await cluster.result(cluster.group(to).addMember({ id: newcomer, url: `http://${newcomer}` }, { force: true }));
  const role = () =>
    cluster
      .group(to)
      .membersView()
      .members.find(({ id }) => id === newcomer)?.role;
  await cluster.until('it votes', () => role() === 'voter');
  assert.equal(await sum(cluster, newcomer), total);
  assert.equal(cluster.group(newcomer).membersView().gid, 'another');
}

test('one of three goes on alone with all that was acknowledged, and others can be added', async () => {
  const cluster = await Cluster.start({ leaseMs: 1000 });
  await many(cluster, 20);
  killAll(cluster);
  const plan = await recovered(cluster, 'b');
  assert.deepEqual(
    plan?.before.members.map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(plan?.warnings, []);
  await servesAlone(cluster, 'b', 20);
  // A newcomer that learned the old log one by one would take this node for a stranger on the way.
  await joins(cluster, 'b', 'd', 21);
  assert.ok(cluster.group('d').firstKept > (plan?.after.version ?? 0), 'what was before came as a checkpoint');
  await joins(cluster, 'd', 'e', 21);
  cluster.kill('b');
  await add(cluster, 'd', 1);
  assert.equal(await sum(cluster, 'e'), 22);
});

test('a vote that nobody had closed is closed first: it may have been acknowledged', async () => {
  const cluster = await Cluster.start({ leaseMs: 1000 });
  const { master } = cluster;
  const [other = ''] = cluster.others;
  // The others vote, and never hear that it was chosen.
  cluster.loses = ({ message }) => message.type === 'chosen' || message.type === 'teach' || message.type === 'position';
  await add(cluster, master, 5);
  killAll(cluster);
  const store = cluster.storeOf(other);
  await store.open();
  const { vote } = await reportOf(store, GROUP);
  await store.close();
  assert.ok(vote !== null, 'the story is that of a vote');
  const plan = await recovered(cluster, other);
  assert.deepEqual([plan?.closes, plan?.after.version], [vote, vote + 1]);
  cluster.loses = () => false;
  await servesAlone(cluster, other, 5);
});

test('it goes on behind a checkpoint too, when the log was trimmed', async () => {
  const cluster = await Cluster.start({ leaseMs: 1000 });
  await cluster.result(cluster.group(cluster.master).setRetention({ keepInstances: 300 }));
  await many(cluster, 900);
  await cluster.until('trimmed', () => cluster.group('c').firstKept > 0);
  killAll(cluster);
  await recovered(cluster, 'c');
  await servesAlone(cluster, 'c', 900);
  await joins(cluster, 'c', 'd', 901);
});

test('it survives further starts and checkpoints, and a second recovery finds nothing to do', async () => {
  const cluster = await Cluster.start({ leaseMs: 1000 });
  await many(cluster, 3);
  killAll(cluster);
  const first = await recovered(cluster, 'a');
  assert.equal(await recovered(cluster, 'a', 'a third'), null);
  await servesAlone(cluster, 'a', 3);
  await cluster.result(cluster.group('a').takeCheckpoint());
  cluster.kill('a');
  await cluster.startNode('a');
  await cluster.run(3000);
  await cluster.until('it is master', () => cluster.group('a').masterView().self);
  assert.equal(await sum(cluster, 'a'), 4);
  assert.equal(cluster.group('a').membersView().version, first?.after.version);
});

test('where this node does not hold the state, or is nobody, nothing is planned', async () => {
  const cluster = await Cluster.start({ leaseMs: 1000 });
  await cluster.result(cluster.group(cluster.master).setRetention({ keepInstances: 300 }));
  await many(cluster, 900);
  await cluster.until('trimmed', () => cluster.group('a').firstKept > 0);
  killAll(cluster);
  cluster.flipBlocks('a');
  await assert.rejects(
    recovered(cluster, 'a'),
    (error) => error instanceof NotRecoverable && /lost here/.test(error.message),
  );
  const store = cluster.storeOf('b');
  const { identity } = await store.open();
  const options = { self: 'z', storeId: identity, url: null, newGid: 'x', at: '' };
  await assert.rejects(
    planRecovery(store, GROUP, options),
    (error) => error instanceof NotRecoverable && /not among/.test(error.message),
  );
  assert.equal(await planRecovery(store, 'unknown', { ...options, self: 'b' }), null);
  await store.close();
});
