// Nodes that go on purpose, under load: one after the other, and while a peer stands still. A node that goes answers all
// it was asked, and gives its lease back.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { SocketFollower, StreamFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load } from './load.js';
import type { NodeProcess } from './node-process.js';
import { verify } from './verify.js';

const keep = keeper(after);

/** SIGTERM, and the proof that it ended by itself: not by the limit a process sets itself, and not by failing. */
async function goes(node: NodeProcess): Promise<void> {
  assert.deepEqual(await node.stop(), { status: 0, signal: null });
  assert.equal(node.stderr, '');
  assert.doesNotMatch(node.log, /took too long|not clean/, `${node.id} shut down in time`);
}

test('a rolling restart under load: every call gets an answer that tells its outcome, and nothing is lost', async () => {
  const cluster = keep(await Cluster.start());
  const followers = cluster.nodes.flatMap(({ url }) => [
    keep(new SocketFollower({ url, everything: true })),
    keep(new StreamFollower({ url })),
  ]);
  const moving = keep(new Load({ urls: cluster.urls, retries: true }));
  const staying = cluster.nodes.map(({ url }) => keep(new Load({ urls: [url], clients: 2 })));
  const loads = [moving, ...staying];
  for (const node of cluster.nodes) {
    await moving.progress(50);
    await goes(node);
    await moving.progress(50);
    node.start();
    await node.untilReady();
    await staying[cluster.nodes.indexOf(node)]?.progress(30);
  }
  // The lease was given back, so nobody waits ten seconds for it to run out.
  await cluster.master();
  await moving.finish();
  const sought = moving.calls.filter(({ told, tries }) => told.type !== 'acknowledged' || Number(tries) > 2);
  assert.deepEqual(sought, [], 'who is turned away by a node that goes is served by the next one');
  await Promise.all(staying.map((load) => load.stop()));
  const broken = staying.flatMap((load) => load.told('unknown'));
  assert.deepEqual(
    broken.map(({ told }) => told),
    [],
    'a node that goes answers what it was asked',
  );
  await verify(cluster, loads, followers);
});

test('a node goes in time although a peer stands still, feeds are open, and clients hold half a request', async () => {
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '2000' } }));
  const load = keep(new Load({ urls: cluster.urls, retries: true, timeoutMs: 1500 }));
  await load.progress(50);
  const master = await cluster.master();
  const [frozen, third] = cluster.others(master);
  assert.ok(frozen !== undefined && third !== undefined);
  for (const node of [master, third]) {
    keep(new SocketFollower({ url: node.url, everything: true }));
    keep(new StreamFollower({ url: node.url }));
    const half = connect(Number(new URL(node.url).port), '127.0.0.1');
    half.on('error', () => half.destroy());
    half.write('POST /v1/groups/main/proposals HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"ha');
  }
  await frozen.freeze();
  await load.progress(50, master.url);
  await goes(master);
  // Now alone: a lease to give back has no majority to note it.
  await goes(third);
  master.start();
  third.start();
  frozen.thaw();
  await cluster.untilReady();
  await load.progress(50);
  await load.stop();
  await verify(cluster, [load]);
});
