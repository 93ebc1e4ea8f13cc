// A node of another cluster, met when one of the two was not founded yet: the handshake had no gid to compare. Its first
// word of where it is gives it away. Tried: without the comparison in positions.ts the first test fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainOf } from '../../src/engine/log/checksum.js';
import { packBatch } from '../../src/machines/batch.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { loneNode } from './lone-node.js';

test('a node of another cluster is parted from as soon as it says which', async (context) => {
  const parted: string[] = [];
  const { node, hear } = await loneNode({ parted });
  context.after(() => node.close());
  const { instanceId } =
    (await node.group('main')?.propose({ machine: 'log', encoding: 'utf8', bytes: Buffer.of(65) })) ?? {};
  assert.equal(typeof instanceId, 'number');
  const stranger = { id: 'x', store: 'of x' };
  const tell = (gid: string | null) =>
    hear.received(stranger, 'main', { type: 'position', gid, lastChosen: 7, state: null });
  tell(null);
  tell(node.gids()['main'] ?? null);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(parted, []);
  tell('another');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(parted, ['x']);
});

test('a node that restarts right after the founding knows its cluster before it has closed that instance again', async (context) => {
  // Without a gid to show it would be let into any cluster, and taught its log. Fails without the stored gid: tried.
  const disk = new MemoryDisk('store of a');
  const before = new MemoryStore(disk);
  await before.open();
  const ballot = { round: 1, node: 'a' };
  const membership = {
    gid: 'g',
    version: 0,
    members: [{ id: 'a', url: 'http://a', role: 'voter', store: 'store of a' }],
  };
  const order = Buffer.from(JSON.stringify({ op: 'found', gid: 'g', members: membership.members }));
  const id = { origin: 'a~', sequence: 0 };
  const command = { id, machine: '$membership', encoding: 'json', bytes: order, key: null, ifMaster: null } as const;
  const value = { id: 'v', bytes: packBatch([command]) };
  const record = { type: 'record', instance: 0, ballot, chosen: false, checksum: chainOf(0, 0, value), value } as const;
  const variable = { type: 'variable', name: 'membership', json: JSON.stringify(membership) } as const;
  await before.commit([{ group: 'main', writes: [{ type: 'promise', ballot }, record, variable] }]);
  await before.close();
  const { node } = await loneNode({ store: new MemoryStore(disk) });
  context.after(() => node.close());
  assert.equal(node.group('main')?.status().open, 0);
  assert.deepEqual(node.gids(), { main: 'g' });
});
