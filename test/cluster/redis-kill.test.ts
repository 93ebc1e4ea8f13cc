// One Redis server for each node, killed under load: alone, then all of them together with all the nodes.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, type NodeProcess } from './node-process.js';
import { unreadyCodes } from './orders.js';
import { RedisCluster } from './redis-cluster.js';
import { verify } from './verify.js';

const keep = keeper(after);

async function reads(node: NodeProcess, path: string): Promise<boolean> {
  const answer = await fetch(`${node.url}/v1/groups/main${path}`);
  await answer.arrayBuffer();
  return answer.ok;
}

test('kill -9 of the Redis of the master, then of a follower: the node turns unready, acknowledges nothing, and recovers by itself', async () => {
  const world = keep(await RedisCluster.start({ PAXMESH_LEASE_MS: '2000' }));
  const { cluster } = world;
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 2000 }));
  for (const which of ['master', 'follower']) {
    await load.progress(50);
    const master = await cluster.master();
    const node = which === 'master' ? master : cluster.others(master)[0];
    assert.ok(node !== undefined);
    const server = world.serverOf(node);
    await server.kill();
    await eventually('the node turns unready', async () => (await unreadyCodes(node)).includes('store-unavailable'));
    for (const { url } of cluster.others(node)) await load.progress(50, url);
    const told = await post(node.url, `"without a store ${which}"`, null, 1000);
    assert.deepEqual({ ...told }, { type: 'none', code: '503 store-unavailable', by: node.url });
    assert.ok(await reads(node, ''), 'it tells its status');
    assert.ok(await reads(node, '/instances/1'), 'it shows what it has');
    await server.restart();
    await node.untilReady();
    await load.progress(50, node.url);
    assert.ok(node.isRunning);
  }
  await load.stop();
  const { log } = await verify(cluster, [load], followers);
  assert.ok(!JSON.stringify(log).includes('without a store'), 'what was refused never happened');
});

test('kill -9 of all nodes and all Redis servers at once, under load, twice: everything acknowledged is there again', async () => {
  const world = keep(await RedisCluster.start());
  const { cluster } = world;
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const loads: Load[] = [];
  for (let round = 0; round < 2; round++) {
    const load = keep(new Load({ urls: cluster.urls }));
    loads.push(load);
    await load.progress(150);
    await Promise.all([cluster.killAll(), world.killServers()]);
    await load.stop();
    await world.restartServers();
    cluster.startAll();
    await cluster.untilReady();
  }
  const load = keep(new Load({ urls: cluster.urls }));
  loads.push(load);
  for (const { url } of cluster.nodes) await load.progress(20, url);
  await load.stop();
  await verify(cluster, loads, followers);
});
