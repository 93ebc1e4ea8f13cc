// The fetcher by itself, with a clock of the test's own: how long it stays away from a peer whose checkpoints come to nothing,
// and what it says while one is being put in place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { Random } from '../../src/core/random.js';
import { blocksOf, type Checkpoint } from '../../src/engine/checkpoints/checkpoint.js';
import { Fetcher } from '../../src/engine/checkpoints/fetcher.js';
import { BLOCK_BYTES } from '../../src/engine/log-store.js';
import type { BlockAsk, CheckpointLabel } from '../../src/engine/peer-messages.js';
import { VirtualTime } from '../../src/simulator/virtual-time.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { VirtualClock } from '../faults/virtual-clock.js';

const GROUP = 'g';
const BYTES = Buffer.alloc(BLOCK_BYTES + 7, 'state');
const LABEL: CheckpointLabel = { instance: 20, chain: 1, crc: crc32(BYTES), bytes: BYTES.length };

async function fetcherOf() {
  const disk = { isFull: false };
  const beforeBlocks = async () => {
    if (disk.isFull) throw new Error('the disk is full');
  };
  const store = new MemoryStore(new MemoryDisk('s'), { beforeBlocks });
  await store.open();
  const clock = new VirtualClock(new VirtualTime(), new Random(1));
  const asks: { to: string; ask: BlockAsk }[] = [];
  const arrived: Checkpoint[] = [];
  const fetcher: Fetcher = new Fetcher({
    ...{ group: GROUP, store, clock },
    send: (to, message) => {
      if (message.type === 'block-ask') asks.push({ to, ask: message });
    },
    open: () => 4,
    gotOn: () => {},
    arrived: (checkpoint) => arrived.push(checkpoint),
    failed: () => {},
  });
  /** Offers, and sends whatever is asked for. True: the offer was taken. */
  const offer = async (from: string): Promise<boolean> => {
    const before = asks.length;
    fetcher.offered(from, { type: 'checkpoint', ...LABEL });
    const asked = asks.slice(before);
    for (const { ask } of asked) {
      const { instance, crc, index } = ask;
      const bytes = BYTES.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
      fetcher.received(from, { type: 'block', instance, crc, index, blockCrc: crc32(bytes), bytes });
    }
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    return asked.length > 0;
  };
  return { fetcher, clock, asks, arrived, disk, offer };
}

/** How long after a failure the next offer of the peer is taken, to the second. */
async function restOf({ clock, offer }: Awaited<ReturnType<typeof fetcherOf>>): Promise<number> {
  for (let seconds = 0; ; seconds++) {
    if (await offer('b')) return seconds;
    clock.stoodStill(1000);
  }
}

// Tried: without the doubling each is 1; without the look at the time each is 0; without the maximum the last are 512 and 1024.
test('a peer whose checkpoints cannot be used is left alone for twice as long each time, up to five minutes', async () => {
  const one = await fetcherOf();
  assert.equal(await one.offer('b'), true);
  const rests: number[] = [];
  for (let tries = 0; tries < 11; tries++) {
    assert.equal(one.arrived.length, tries + 1);
    one.fetcher.foundWanting();
    rests.push(await restOf(one));
  }
  assert.deepEqual(rests, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

// Tried: with one time for all peers the second offer is refused.
test('what one peer cannot give, another is asked for at once', async () => {
  const { fetcher, offer } = await fetcherOf();
  await offer('b');
  fetcher.foundWanting();
  assert.equal(await offer('b'), false);
  assert.equal(await offer('c'), true);
});

// Tried: without the clearing the peer is left alone for two seconds.
test('a checkpoint in place makes good what came to nothing before', async () => {
  const one = await fetcherOf();
  await one.offer('b');
  one.fetcher.foundWanting();
  await restOf(one);
  one.fetcher.done();
  await one.offer('b');
  one.fetcher.foundWanting();
  assert.equal(await restOf(one), 1);
});

// Tried: without the rest the same blocks are asked for again at once, as long as the disk is full.
test('a block that cannot be written is as good as a checkpoint that cannot be read', async () => {
  const one = await fetcherOf();
  one.disk.isFull = true;
  assert.equal(await one.offer('b'), true);
  assert.equal(one.fetcher.isBusy, false);
  assert.equal(await one.offer('b'), false);
  one.disk.isFull = false;
  assert.equal(await restOf(one), 1);
});

// Tried: without `tellLender` nothing is said, and the lender thinks that the peer has given up.
test('while a checkpoint is put in place its lender hears of it every ten seconds, and not when it is done', async () => {
  const { fetcher, clock, asks, offer } = await fetcherOf();
  await offer('b');
  asks.length = 0;
  for (let seconds = 1; seconds <= 60; seconds++) {
    clock.stoodStill(1000);
    assert.ok((fetcher.wakeAt ?? Infinity) > clock.now() - 1000);
    fetcher.tick(clock.now());
  }
  assert.deepEqual(
    asks.map(({ to, ask }) => [to, ask.instance, ask.index]),
    Array.from({ length: 6 }, () => ['b', 20, blocksOf(BYTES.length)]),
  );
  fetcher.done();
  assert.equal(fetcher.wakeAt, null);
  clock.stoodStill(10_000);
  fetcher.tick(clock.now());
  assert.equal(asks.length, 6);
});
