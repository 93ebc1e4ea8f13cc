// A node of another cluster, met when one of the two was not founded yet: the handshake had no gid to compare. Its first
// word of where it is gives it away. Tried: without the comparison in group.ts the first test fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaxosNode } from '../../src/engine/paxos-node.js';
import type { TransportListener } from '../../src/engine/ports.js';
import { systemClock } from '../../src/engine/system-clock.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';

async function lonely(
  parted: string[],
  disk = new MemoryDisk('store of a'),
): Promise<{ node: PaxosNode; hear: TransportListener }> {
  const store = new MemoryStore(disk);
  let listener: TransportListener | null = null;
  const node = new PaxosNode({
    id: 'a',
    url: 'http://a',
    version: 'test',
    groups: ['main'],
    members: [{ id: 'a', url: 'http://a' }],
    leaseMs: 10_000,
    timeoutMs: 1000,
    valueBytesMax: 1000,
    store,
    opening: await store.open(),
    transport: {
      listen: (one) => {
        listener = one;
      },
      setPeers: () => {},
      send: () => {},
      flush: () => {},
      isConnected: () => true,
      part: (peer) => parted.push(peer),
      close: async () => {},
    },
    clock: systemClock,
    trace: () => {},
    machines: () => [],
    fatal: (error) => assert.fail(String(error)),
  });
  await node.start();
  assert.ok(listener !== null);
  return { node, hear: listener };
}

test('a node of another cluster is parted from as soon as it says which', async () => {
  const parted: string[] = [];
  const { node, hear } = await lonely(parted);
  const { instanceId } =
    (await node.group('main')?.propose({ machine: 'log', encoding: 'utf8', bytes: Buffer.of(65) })) ?? {};
  assert.equal(typeof instanceId, 'number');
  const stranger = { id: 'x', store: 'of x' };
  const tell = (gid: string | null) => hear.received(stranger, 'main', { type: 'position', gid, lastChosen: 7 });
  tell(null);
  tell(node.gids()['main'] ?? null);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(parted, []);
  tell('another');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(parted, ['x']);
  node.close();
});

test('a node that restarts right after the founding knows its cluster before it has closed that instance again', async () => {
  // Found when a node founded elsewhere came back at the address of another cluster's member: it had no gid to show for a
  // moment, was let in, and was taught the other cluster's log.
  const disk = new MemoryDisk('store of a');
  const first = await lonely([], disk);
  const until = performance.now() + 5000;
  while (first.node.gids()['main'] === null && performance.now() < until) await new Promise((go) => setTimeout(go, 5));
  await new Promise((go) => setTimeout(go, 50));
  first.node.close();
  const again = await lonely([], disk);
  assert.equal(typeof first.node.gids()['main'], 'string');
  assert.equal(again.node.gids()['main'], first.node.gids()['main']);
  again.node.close();
});
