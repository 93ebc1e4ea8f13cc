// From one node to seven and back to one under load, each order given as soon as the one before is answered.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { keeper } from './keeper.js';
import { Load } from './load.js';
import { eventually, type NodeProcess } from './node-process.js';
import { done, isForNow, order, unreadyCodes, untilRoles } from './orders.js';
import { verify } from './verify.js';

const keep = keeper(after);
const ENV = { PAXMESH_LEASE_MS: '2000', PAXMESH_GROUPS: 'main,orders' };

async function untilRemoved(at: NodeProcess, id: string): Promise<void> {
  await eventually(`${id} is removed`, async () => {
    const answer = await order(at, 'DELETE', `/members/${id}`);
    const { status, code } = answer;
    // Those that were asked a moment ago to vote may not be level yet.
    assert.ok(status === 200 || isForNow(answer) || code === 'member-not-found', String(code));
    return status === 200 || code === 'member-not-found';
  });
}

test('a cluster grows from one node to seven and shrinks to another one under load, and nothing is lost', async () => {
  const cluster = keep(await Cluster.start({ nodes: 1, env: ENV }));
  const [a] = cluster.nodes as [NodeProcess];
  const load = keep(new Load({ urls: [a.url], retries: true }));
  const names = ['b', 'c', 'd', 'e', 'f', 'g'];
  for (const id of names) {
    const node = await cluster.join(id, { ...ENV, PAXMESH_SEEDS: a.url });
    await done(201, a, 'POST', '/members?timeoutMs=60000', { id, url: node.url });
  }
  await untilRoles(['a', ...names].map((id) => `${id} voter`).join(', '), ...cluster.nodes);
  await load.progress(50);
  const last = cluster.node('g');
  // Of the second group it is no member yet, so it goes on asking its seeds.
  assert.ok((await unreadyCodes(last)).includes('not-a-member'));
  const moved = keep(new Load({ urls: [last.url], retries: true }));
  await moved.progress(20);
  await load.stop();
  await verify({ nodes: cluster.nodes, untilReady: async () => undefined }, [load]);
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await untilRemoved(last, id);
    await cluster.node(id).kill();
    await moved.progress(10);
  }
  await moved.stop();
  await untilRoles('g voter', last);
  await verify({ nodes: [last], untilReady: async () => undefined }, [load, moved]);
});
