// Clients that misbehave without meaning harm: they leave in the middle of things, and they come ten times too often.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { type Call, Load, post } from './load.js';
import { eventually, type NodeProcess } from './node-process.js';
import { verify } from './verify.js';

const keep = keeper(after);
const MIB = 1024 * 1024;
/** What a node lets wait, in bytes. */
const WAITING_BYTES_MAX = 128 * MIB;
/** Longer than a busy machine takes to bring that much in: what has waited for so long makes room again. */
const WAITING_MS = 10_000;

/** Writes, and is gone without waiting for an answer. */
async function writeAndVanish({ url }: NodeProcess, text: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  await new Promise((written) => socket.write(text, written));
  socket.destroy();
}

function proposal(body: string, length = Buffer.byteLength(body)): string {
  const head = ['POST /v1/groups/main/proposals HTTP/1.1', 'host: x', 'content-type: application/json'];
  return [...head, `content-length: ${length}`, '', body].join('\r\n');
}

async function metric({ url }: NodeProcess, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(name));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.split(' ').at(-1));
}

test('clients that vanish in the middle of a request, an answer, a wait or a feed leave nothing behind', async () => {
  const cluster = keep(await Cluster.start());
  const load = keep(new Load({ urls: cluster.urls }));
  await load.progress(20);
  const gone: Call[] = [];
  for (let n = 0; n < 40; n++) {
    for (const node of cluster.nodes) {
      const body = JSON.stringify({ from: `gone-${node.id}`, n });
      gone.push({ value: body, told: { type: 'unknown', code: 'left', by: node.url } });
      const waiting = `GET /v1/groups/main/instances?from=1000000&waitMs=50000 HTTP/1.1\r\nhost: x\r\n\r\n`;
      const events = `GET /v1/groups/main/events?from=0 HTTP/1.1\r\nhost: x\r\n\r\n`;
      const feed = new WebSocket(`${node.url.replace('http', 'ws')}/v1/groups/main/feed?from=earliest`);
      feed.on('error', () => feed.terminate());
      feed.once('open', () => feed.terminate());
      await Promise.all([
        writeAndVanish(node, proposal('{"half":', 5000)),
        writeAndVanish(node, 'POST /v1/groups/main/proposals HTTP/1.1\r\nhost'),
        writeAndVanish(node, proposal(body)),
        writeAndVanish(node, waiting),
        writeAndVanish(node, events),
        once(feed, 'close'),
      ]);
    }
  }
  await load.progress(100);
  await load.stop();
  for (const node of cluster.nodes) {
    await eventually(`${node.id} has forgotten them`, async () => {
      const left = [await metric(node, 'paxmesh_feed_followers'), await metric(node, 'paxmesh_group_waiting')];
      return left.every((count) => count === 0);
    });
  }
  const { log } = await verify(cluster, [load, { calls: gone }]);
  assert.ok(!JSON.stringify(log).includes('half'));
});

test('ten times what a node lets wait: the rest is refused with Retry-After, memory stays bounded, and it recovers at once', async () => {
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '2000' } }));
  const follower = keep(new SocketFollower({ url: cluster.urls[0] ?? '', everything: true }));
  const node = await cluster.master();
  const others = cluster.others(node);
  // With both others standing still nothing can be committed: all that comes has to wait or to go.
  for (const other of others) await other.freeze();
  const calls: Call[] = [];
  const pad = 'x'.repeat(MIB);
  let next = 0;
  let refused = 0;
  let residentMax = 0;
  const client = async (): Promise<void> => {
    while (next < (10 * WAITING_BYTES_MAX) / MIB) {
      const n = next++;
      const value = JSON.stringify({ from: 'flood', n, pad });
      const answer = await fetch(`${node.url}/v1/groups/main/proposals?timeoutMs=${WAITING_MS}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: value,
      });
      const { code, outcome } = (await answer.json()) as { code: string; outcome: 'none' | 'unknown' };
      assert.ok(answer.status === 503 || answer.status === 504, `${answer.status} ${code}`);
      if (code === 'overloaded') {
        refused++;
        assert.ok(Number(answer.headers.get('retry-after')) >= 1);
        assert.equal(outcome, 'none');
      }
      calls.push({ value, told: { type: outcome, code: `${answer.status} ${code}`, by: node.url } });
      if (n % 50 === 0) residentMax = Math.max(residentMax, await metric(node, 'process_resident_memory_bytes'));
    }
  };
  await Promise.all(Array.from({ length: 160 }, client));
  assert.ok(refused > 0, 'it must not take all of it');
  assert.ok(residentMax < 5 * WAITING_BYTES_MAX, `${Math.round(residentMax / MIB)} MiB of memory`);
  for (const other of others) other.thaw();
  await cluster.untilReady();
  assert.equal((await post(node.url, '"as if nothing had been"', null)).type, 'acknowledged');
  const load = keep(new Load({ urls: cluster.urls }));
  for (const { url } of cluster.nodes) await load.progress(20, url);
  await load.stop();
  await verify(cluster, [load, { calls }], [follower]);
});
