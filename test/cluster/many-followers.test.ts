// Three hundred followers, over WebSocket and Server-Sent Events, from different places on, while the load runs and a node
// dies: each sees each instance once, in order.
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { type FeedFollower, SocketFollower, StreamFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load } from './load.js';
import { verify } from './verify.js';

const keep = keeper(after);
const FOLLOWERS = 300;

test('three hundred followers on three nodes see each instance once and in order, also over the death of their node', async () => {
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '2000' } }));
  const load = keep(new Load({ urls: cluster.urls, thinkMs: 20 }));
  await load.progress(60);
  const followers: FeedFollower[] = [];
  for (let n = 0; n < FOLLOWERS; n++) {
    const url = cluster.urls[n % 3] ?? '';
    const from = ['earliest', 'now', '7', '20'][n % 4] ?? 'now';
    const options = { url, from, everything: n % 5 === 0 };
    followers.push(keep(n % 2 === 0 ? new SocketFollower(options) : new StreamFollower(options)));
  }
  await load.progress(200);
  const node = await cluster.master();
  await node.kill();
  await load.progress(60);
  node.start();
  await node.untilReady();
  await load.progress(60, node.url);
  await load.stop();
  await verify(cluster, [load], followers);
});
