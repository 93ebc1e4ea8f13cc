import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../src/core/effects.js';
import { RECENT_ENTRIES_MAX, RecentLog } from '../../src/engine/log/recent-log.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';

const GROUP = 'g';

const entry = (instance: number): Entry => {
  return {
    instance,
    value: { id: `v${instance}`, bytes: new Uint8Array(1) },
    ballot: { round: 1, node: 'a' },
    chain: 0,
  };
};

async function log(): Promise<RecentLog> {
  const store = new MemoryStore(new MemoryDisk('s'));
  await store.open();
  return new RecentLog(store, GROUP);
}

test('what the store takes no more stays in memory until it is trimmed', async () => {
  // Found by a simulated seed (303053, short-log): a node with a damaged checkpoint over a trimmed log was taught from the
  // beginning by a peer that still had it, while another checkpoint was being read; afterwards the log did not have it any
  // more, and the group was halted there. Mutation: evict without looking at `unstoredBelow`.
  const recent = await log();
  recent.begin(0, 0, 9);
  for (let instance = 0; instance < 2 * RECENT_ENTRIES_MAX; instance++) {
    recent.push(entry(instance));
    recent.durable(instance);
  }
  const [first] = await recent.read(0, 1, 1);
  assert.equal(first?.instance, 0);
  recent.beginsAt(9);
  recent.push(entry(2 * RECENT_ENTRIES_MAX));
  assert.deepEqual(await recent.read(0, 1, 1), []);
  assert.equal((await recent.read(2 * RECENT_ENTRIES_MAX, 1, 1)).length, 1);
});

test('an installed checkpoint takes the place of everything through its instance', async () => {
  const recent = await log();
  recent.begin(0, 0, 0);
  recent.push(entry(0));
  recent.installed(100);
  assert.deepEqual([recent.firstKept, recent.lastChosen], [101, 100]);
  assert.deepEqual(await recent.read(0, 10, 10), []);
  recent.push(entry(101));
  assert.equal((await recent.read(101, 10, 10)).length, 1);
  recent.installed(50);
  assert.deepEqual([recent.firstKept, recent.lastChosen], [101, 101], 'an older one changes nothing');
});
