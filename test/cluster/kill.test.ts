// kill -9 of one node, of all nodes, of the only node, always under load. Nothing acknowledged may be lost.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { SocketFollower, StreamFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually } from './node-process.js';
import { verify } from './verify.js';

const keep = keeper(after);

test('kill -9 of the master, then of a follower, under load loses nothing and stops nobody', async () => {
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '2000' } }));
  const followers = cluster.nodes.flatMap(({ url }) => [
    keep(new SocketFollower({ url, everything: true })),
    keep(new StreamFollower({ url })),
  ]);
  const load = keep(new Load({ urls: cluster.urls }));
  const master = await cluster.master();
  await load.progress(100);
  await master.kill();
  await load.progress(100);
  master.start();
  await master.untilReady();
  await load.progress(50, master.url);

  const [follower] = cluster.others(await cluster.master());
  assert.ok(follower !== undefined);
  await follower.kill();
  await load.progress(100);
  follower.start();
  await follower.untilReady();
  await load.progress(50, follower.url);
  await load.stop();
  const { acknowledged } = await verify(cluster, [load], followers);
  assert.ok(acknowledged >= 400);
});

test('kill -9 of all nodes at once under load, three times: the last acknowledged value is everywhere after a restart', async () => {
  // With so long a lease no node proposes anything by itself soon after the restart.
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '60000' } }));
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const loads: Load[] = [];
  for (let round = 0; round < 3; round++) {
    const load = keep(new Load({ urls: cluster.urls }));
    loads.push(load);
    await load.progress(100);
    await cluster.killAll();
    await load.stop();
    cluster.startAll();
    await cluster.untilReady();
    const last = Math.max(
      ...load.acknowledged.map(({ told }) => (told.type === 'acknowledged' ? told.instanceId : -1)),
    );
    for (const node of cluster.nodes) {
      await eventually(`${node.id} shows instance ${last}`, async () => {
        const answer = await fetch(`${node.url}/v1/groups/main/instances/${last}`);
        await answer.arrayBuffer();
        return answer.ok;
      });
    }
  }
  await verify(cluster, loads, followers);
});

test('the only node of a cluster comes back from kill -9 with everything it acknowledged', async () => {
  const cluster = keep(await Cluster.start({ nodes: 1 }));
  const loads: Load[] = [];
  for (let round = 0; round < 3; round++) {
    const load = keep(new Load({ urls: cluster.urls }));
    loads.push(load);
    await load.progress(200);
    await cluster.killAll();
    await load.stop();
    cluster.startAll();
    await cluster.untilReady();
  }
  await verify(cluster, loads);
  const [url = ''] = cluster.urls;
  assert.equal((await post(url, '"again"', null)).type, 'acknowledged');
});
