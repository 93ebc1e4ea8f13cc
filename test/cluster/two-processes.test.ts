// Two processes with one identity on one store. On Redis the newer one fences the older one off; in a directory the
// second one is refused.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { freePort } from '../free-port.js';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, NodeProcess } from './node-process.js';
import { unreadyCodes } from './orders.js';
import { RedisCluster } from './redis-cluster.js';
import { verify } from './verify.js';

const keep = keeper(after);

test('a second process on the same Redis store fences the first, which acknowledges nothing from then on', async () => {
  const world = keep(await RedisCluster.start({ PAXMESH_LEASE_MS: '2000' }));
  const { cluster } = world;
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 2000 }));
  await load.progress(50);
  const older = await cluster.master();
  const newer = new NodeProcess(older.id, await freePort(), cluster.directory, {
    ...older.settings,
    PAXMESH_LISTEN: `127.0.0.1:${await freePort()}`,
  });
  keep({ close: () => newer.kill() });
  newer.start();
  await eventually('the older one is fenced', async () => (await unreadyCodes(older)).includes('fenced'));
  const acknowledgedByOlder = () => load.acknowledged.filter(({ told }) => told.by === older.url).length;
  // Answers that were on their way may still be read.
  const told = await post(older.url, '"by the fenced one"', null, 1000);
  assert.deepEqual({ ...told }, { type: 'none', code: '503 fenced', by: older.url });
  const before = acknowledgedByOlder();
  for (const { url } of cluster.others(older)) await load.progress(100, url);
  assert.equal(acknowledgedByOlder(), before, 'the fenced process acknowledged something');
  assert.ok((await unreadyCodes(older)).includes('fenced'), 'it stays fenced');

  await newer.kill();
  await older.kill();
  older.start();
  await older.untilReady();
  await load.progress(50, older.url);
  await load.stop();
  const { log } = await verify(cluster, [load], followers);
  assert.ok(!JSON.stringify(log).includes('by the fenced one'));
});

test('a second process in the same data directory is refused with one line, and the first goes on', async () => {
  const cluster = keep(await Cluster.start({ nodes: 1 }));
  const [first] = cluster.nodes;
  assert.ok(first !== undefined);
  const load = keep(new Load({ urls: cluster.urls }));
  await load.progress(20);
  const settings = { ...first.settings, PAXMESH_LISTEN: `127.0.0.1:${await freePort()}` };
  const second = new NodeProcess('a', 0, cluster.directory, settings);
  second.start();
  assert.deepEqual(await second.untilExit(), { status: 1, signal: null });
  assert.match(second.stderr, /^paxmesh: PAXMESH_STORE: [^\n]*in use by another process[^\n]*\n$/);
  await load.progress(20);
  await load.stop();
  await verify(cluster, [load]);
});
