// Keys, locks and counters on a cluster of real processes: what one node was told, every node tells, also after all of them
// were killed; what has its time goes without anybody writing.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { keeper } from './keeper.js';
import { eventually, type NodeProcess } from './node-process.js';

const keep = keeper(after);

function ask(node: NodeProcess, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${node.url}/v1/groups/main/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
}

test('a key is written through any node, read through every node, and both outlive the death of all', async () => {
  const cluster = keep(await Cluster.start());
  const etags = new Map<string, string | null>();
  for (const [place, node] of cluster.nodes.entries()) {
    const key = `from/${node.id}`;
    const written = await ask(node, 'PUT', `kv/${encodeURIComponent(key)}`, { place });
    assert.equal(written.status, 201);
    const { instanceId, index } = (await written.json()) as { instanceId: number; index: number };
    assert.equal(written.headers.get('etag'), `"${instanceId}.${index}"`);
    etags.set(key, written.headers.get('etag'));
    const added = await ask(node, 'POST', 'counters/c', { add: 1 });
    assert.deepEqual(await added.json(), { value: place + 1 });
  }
  const told = async (node: NodeProcess) => {
    const { items } = (await (await ask(node, 'GET', 'kv?prefix=from/')).json()) as {
      items: { key: string; value: unknown; etag: string }[];
    };
    assert.deepEqual(
      items.map(({ key, value, etag }) => [key, value, etag]),
      cluster.nodes.map(({ id }, place) => [`from/${id}`, { place }, etags.get(`from/${id}`)]),
    );
    const counter = await ask(node, 'GET', 'counters/c');
    assert.equal(counter.headers.get('paxmesh-read'), 'linearizable');
    assert.deepEqual(await counter.json(), { value: 3 });
  };
  for (const node of cluster.nodes) await told(node);
  await cluster.killAll();
  cluster.startAll();
  await cluster.untilReady();
  for (const node of cluster.nodes) await told(node);
});

test('of writers that compare and set one key through all nodes, each success is one step', async () => {
  const cluster = keep(await Cluster.start());
  const path = 'kv/steps';
  await ask(cluster.nodes[0] as NodeProcess, 'PUT', path, 0);
  const steps = await Promise.all(
    cluster.nodes.map(async (node) => {
      let done = 0;
      for (let tries = 0; tries < 60; tries++) {
        const read = await ask(node, 'GET', path);
        const value = (await read.json()) as number;
        const written = await fetch(`${node.url}/v1/groups/main/${path}`, {
          method: 'PUT',
          body: String(value + 1),
          headers: { 'content-type': 'application/json', 'if-match': read.headers.get('etag') ?? '' },
        });
        assert.ok([200, 412].includes(written.status), String(written.status));
        if (written.status === 200) done += 1;
      }
      return done;
    }),
  );
  const sum = steps.reduce((all, done) => all + done, 0);
  assert.ok(sum > 0);
  for (const node of cluster.nodes) assert.equal(await (await ask(node, 'GET', path)).json(), sum);
});

test('an entry and a lock end by themselves on an idle cluster, and who waits for the lock gets it', async () => {
  const cluster = keep(await Cluster.start());
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
  assert.equal((await ask(a, 'PUT', 'kv/brief?ttlMs=300', 1)).status, 201);
  const held = await ask(a, 'PUT', 'locks/l', { owner: 'a', ttlMs: 600_000 });
  assert.deepEqual([held.status, ((await held.json()) as { fence: number }).fence], [200, 1]);
  const early = await ask(b, 'PUT', 'locks/l', { owner: 'b', ttlMs: 600_000 });
  const problem = (await early.json()) as { code: string; owner: string; fence: number };
  assert.deepEqual([early.status, problem.code, problem.owner, problem.fence], [409, 'lock-held', 'a', 1]);
  assert.equal((await ask(a, 'PUT', 'locks/l', { owner: 'a', ttlMs: 500, fence: 1 })).status, 200);
  const waited = await ask(c, 'PUT', 'locks/l?waitMs=60000', { owner: 'c', ttlMs: 600_000 });
  assert.deepEqual([waited.status, ((await waited.json()) as { fence: number }).fence], [200, 2]);
  for (const node of cluster.nodes) {
    await eventually(
      `the key is gone on ${node.id}`,
      async () => (await ask(node, 'GET', 'kv/brief?read=local')).status === 404,
    );
    const { owner } = (await (await ask(node, 'GET', 'locks/l')).json()) as { owner: string };
    assert.equal(owner, 'c');
  }
  const renewed = await ask(b, 'PUT', 'locks/l', { owner: 'c', ttlMs: 600_000, fence: 2 });
  assert.equal(((await renewed.json()) as { fence: number }).fence, 2);
  assert.equal((await ask(b, 'DELETE', 'locks/l?fence=1')).status, 409);
  assert.equal((await ask(b, 'DELETE', 'locks/l?fence=2')).status, 200);
  assert.equal((await ask(a, 'GET', 'locks/l')).status, 404);
});
