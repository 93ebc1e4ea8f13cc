// The largest value goes all the way, through a follower to the log of every node; one byte more does not get in.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { eventually, READY_MS } from './node-process.js';
import { RedisCluster } from './redis-cluster.js';
import { verify } from './verify.js';

const keep = keeper(after);
const VALUE_BYTES_MAX = 10 * 1024 * 1024;

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function propose(url: string, body: Uint8Array): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await patiently('POST', `${url}/v1/groups/main/proposals`, body);
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

/** On a busy machine a large value takes long. Who is told that nobody knows yet asks again, under the same key. */
async function patiently(method: string, url: string, body: Uint8Array): Promise<Response> {
  const headers = { 'idempotency-key': randomUUID() };
  for (const until = performance.now() + READY_MS; ; ) {
    const answer = await fetch(`${url}?timeoutMs=60000`, { method, body, headers });
    if (answer.status < 500 || performance.now() > until) return answer;
    await answer.arrayBuffer();
  }
}

async function passes(cluster: Cluster): Promise<void> {
  const follower = keep(new SocketFollower({ url: cluster.urls[0] ?? '', everything: true }));
  const [node] = cluster.others(await cluster.master());
  assert.ok(node !== undefined);
  const value = randomBytes(VALUE_BYTES_MAX);
  const { status, json } = await propose(node.url, value);
  assert.equal(status, 201, JSON.stringify(json));
  for (const { id, url } of cluster.nodes) {
    let bytes: Uint8Array = Buffer.alloc(0);
    await eventually(`${id} shows it`, async () => {
      const answer = await fetch(`${url}/v1/groups/main/instances/${json['instanceId']}`);
      const text = await answer.text();
      if (!answer.ok) return false;
      const { values } = JSON.parse(text) as { values: { value: string }[] };
      bytes = Buffer.from(values[Number(json['index'])]?.value ?? '', 'base64');
      return true;
    });
    assert.equal(bytes.length, VALUE_BYTES_MAX);
    assert.equal(digest(bytes), digest(value), `${id} has it byte for byte`);
  }
  const over = await propose(node.url, Buffer.alloc(VALUE_BYTES_MAX + 1));
  assert.equal(over.status, 413);
  assert.equal(over.json['code'], 'value-too-large');
  assert.equal(over.json['outcome'], 'none');
  const kv = (body: Uint8Array) => patiently('PUT', `${node.url}/v1/groups/main/kv/large`, body);
  assert.equal((await kv(value)).status, 201, 'a key may hold as much');
  for (const { id, url } of cluster.nodes) {
    const held = Buffer.from(await (await fetch(`${url}/v1/groups/main/kv/large`)).arrayBuffer());
    assert.equal(digest(held), digest(value), `${id} gives it back`);
  }
  assert.equal((await kv(Buffer.alloc(VALUE_BYTES_MAX + 1))).status, 413, 'and no more');
  assert.equal((await propose(node.url, Buffer.from('small'))).status, 201, 'and everything goes on');
  await verify(cluster, [], [follower]);
}

test('the largest value goes through a follower to all nodes, one byte more is refused: embedded', async () => {
  await passes(keep(await Cluster.start()));
});

test('the largest value goes through a follower to all nodes, one byte more is refused: Redis', async () => {
  await passes(keep(await RedisCluster.start()).cluster);
});

test('a node that was away catches up over many large values', async () => {
  const cluster = keep(await Cluster.start());
  const away = cluster.node('c');
  await away.kill();
  const value = randomBytes(VALUE_BYTES_MAX / 2);
  for (let n = 0; n < 8; n++) assert.equal((await propose(cluster.urls[n % 2] ?? '', value)).status, 201);
  away.start();
  await verify(cluster, []);
});
