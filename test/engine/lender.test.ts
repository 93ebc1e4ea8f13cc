// The lender by itself: how long the log stays for a peer that fetches a checkpoint, and that it is not for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf, type Checkpoint } from '../../src/engine/checkpoints/checkpoint.js';
import { Lender } from '../../src/engine/checkpoints/lender.js';
import type { HostMessage } from '../../src/engine/peer-messages.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';

const GROUP = 'g';
const BYTES = Buffer.from('the state');
const OLD: Checkpoint = { name: '20-x', instance: 20, chain: 1, crc: 2, bytes: BYTES.length, takenAt: '' };
const NEW: Checkpoint = { ...OLD, name: '90-y', instance: 90 };
const PATIENCE_MS = 30_000;
const HOUR_MS = 3_600_000;

async function lenderOf() {
  const store = new MemoryStore(new MemoryDisk('s'));
  await store.open();
  await store.putBlock(GROUP, OLD.name, 0, BYTES);
  const at = { ms: 0, current: OLD };
  const sent: HostMessage[] = [];
  const failures: unknown[] = [];
  const lender = new Lender({
    ...{ group: GROUP, store },
    now: () => at.ms,
    current: () => at.current,
    send: (_, message) => sent.push(message),
    failed: (error) => failures.push(error),
  });
  const ask = (index: number) => lender.asked('b', { type: 'block-ask', ...labelOf(OLD), index });
  return { lender, at, sent, failures, ask, installing: () => ask(blocksOf(BYTES.length)) };
}

const labelOf = ({ instance, chain, crc, bytes }: Checkpoint) => ({ instance, chain, crc, bytes });

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('a peer that does not ask any more holds nothing', async () => {
  const { lender, at, ask } = await lenderOf();
  ask(0);
  at.current = NEW;
  at.ms = PATIENCE_MS - 1;
  assert.deepEqual([lender.needed(), [...lender.inUse()]], [21, ['20-x']]);
  at.ms = PATIENCE_MS;
  assert.deepEqual([lender.needed(), [...lender.inUse()]], [null, []]);
});

// Tried: where that ask does not renew the loan it is over after 30 s; where it is looked for on disk the lender says that it is
// damaged.
test('a peer that says it is putting the checkpoint in place finds the log behind it still there', async () => {
  const { lender, at, sent, failures, ask, installing } = await lenderOf();
  ask(0);
  await settled();
  assert.equal(sent.length, 1);
  at.current = NEW;
  for (let minutes = 0; minutes < 10; minutes++) {
    for (let times = 0; times < 6; times++) {
      at.ms += 10_000;
      installing();
    }
    assert.equal(lender.needed(), 21);
  }
  await settled();
  assert.deepEqual([sent.length, failures], [1, []]);
});

// Tried: without the limit a peer that goes on asking holds the log for as long as it likes.
test('one fetching holds the log for an hour at most, and then the peer is offered the newest', async () => {
  const { lender, at, sent, ask, installing } = await lenderOf();
  ask(0);
  at.current = NEW;
  for (; at.ms < HOUR_MS - 1; at.ms += 10_000) installing();
  at.ms = HOUR_MS - 1;
  assert.equal(lender.needed(), 21);
  installing();
  at.ms = HOUR_MS;
  assert.equal(lender.needed(), null);
  await settled();
  sent.length = 0;
  ask(0);
  await settled();
  assert.deepEqual(sent, [{ type: 'checkpoint', ...labelOf(NEW) }]);
  assert.equal(lender.needed(), null);
});
