// Partitions between the nodes of a cluster: both ways, one way, partial, flapping; in network namespaces where the machine
// has them, through TCP proxies elsewhere (network.ts). Clients still reach every node. The side with a majority goes on, the
// other one promises nothing, and afterwards all agree. A cut is waited for until the node has lost its links: without a cut
// all tests that wait for one fail: tried.
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { isolate } from './network.js';
import { eventually, pause } from './node-process.js';
import { unreadyCodes, untilLost } from './orders.js';
import { verify } from './verify.js';

const keep = keeper(after);

async function world(t: TestContext) {
  const cluster = keep(await Cluster.start({ chaos: true, env: { PAXMESH_LEASE_MS: '2000' } }));
  const { network } = cluster;
  assert.ok(network !== null);
  t.diagnostic(`over ${network.description}`);
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  return { cluster, network, followers };
}

const idsOf = (nodes: readonly { readonly id: string }[]): string[] => nodes.map(({ id }) => id);

test('a master cut off from the others commits nothing, says so, and catches up; the others go on', async (t) => {
  const { cluster, network, followers } = await world(t);
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 1000 }));
  await load.progress(50);
  const lonely = await cluster.master();
  const others = cluster.others(lonely);
  isolate(network, lonely.id, idsOf(others));
  for (const { url } of others) await load.progress(50, url);
  await eventually('the cut-off node notices', async () => (await unreadyCodes(lonely)).includes('no-quorum'));
  for (let n = 0; n < 3; n++) {
    const told = await post(lonely.url, `"minority ${n}"`, null, 500);
    assert.ok(told.type !== 'acknowledged', 'a minority acknowledges nothing');
    assert.equal(told.code, '503 no-quorum');
    assert.equal(told.type, 'none');
  }
  network.heal();
  await lonely.untilReady();
  await load.progress(50, lonely.url);
  await load.stop();
  const { log } = await verify(cluster, [load], followers);
  const text = JSON.stringify(log);
  assert.ok(!text.includes('minority'), 'what was refused never happened');
});

test('a node that hears nothing, then one that is not heard, harms nobody', async (t) => {
  const { cluster, network, followers } = await world(t);
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 1000 }));
  for (const deaf of [true, false]) {
    const odd = await cluster.master();
    const others = cluster.others(odd);
    await load.progress(50);
    for (const { id } of others) network.stop(...(deaf ? ([id, odd.id] as const) : ([odd.id, id] as const)));
    await untilLost(odd, idsOf(others));
    for (const { url } of others) await load.progress(50, url);
    network.heal();
    await cluster.untilReady();
    await load.progress(50, odd.url);
  }
  await load.stop();
  await verify(cluster, [load], followers);
});

test('two nodes that cannot reach each other, while both reach the third, still commit', async (t) => {
  const { cluster, network, followers } = await world(t);
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 1000 }));
  const master = await cluster.master();
  const [one, other] = cluster.others(master);
  assert.ok(one !== undefined && other !== undefined);
  await load.progress(50);
  isolate(network, one.id, [other.id]);
  await untilLost(one, [other.id]);
  for (const { url } of cluster.nodes) await load.progress(50, url);
  network.heal();
  // The same with the master at one end of the cut.
  isolate(network, master.id, [one.id]);
  await untilLost(master, [one.id]);
  for (const { url } of [other, master]) await load.progress(50, url);
  network.heal();
  await load.progress(50, one.url);
  await load.stop();
  await verify(cluster, [load], followers);
});

test('links that come and go, each way by itself, lose nothing', async (t) => {
  const { cluster, network, followers } = await world(t);
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 1500, retries: true }));
  await load.progress(50);
  const ids = idsOf(cluster.nodes);
  for (let round = 0; round < 12; round++) {
    for (const from of ids) for (const to of ids) if (from !== to && Math.random() < 0.35) network.stop(from, to);
    await pause(Math.random() * 900);
    network.heal();
    await pause(Math.random() * 400);
  }
  await load.progress(50);
  await load.stop();
  await verify(cluster, [load], followers);
});
