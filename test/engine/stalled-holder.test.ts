// A holder whose process stood still past its lease: wherever it may say that it is master, it looks at its clock first,
// before any of its timers has run. Each fails when that place answers from what it knew before: tried, by keeping the view
// that was told last in group-desk.ts, and by framing the event as it was collected in frames.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { feedFrames } from '../../plugins/app/feed/frames.js';
import { MARGIN } from '../../src/engine/lease/lease-keeper.js';
import { Cluster, LEASE_MS } from '../faults/cluster.js';

const HELD_MS = LEASE_MS * (1 - MARGIN);
const WITHIN_MS = HELD_MS / 2;

test('who stood still past its lease says so at once: master, status, feed', async () => {
  const cluster = await Cluster.start();
  const [to = ''] = cluster.others;
  const face = cluster.group(to);
  const follower = face.follow({ from: 'now' });
  await cluster.results([face.transferMaster(to)]);
  cluster.stoodStill(to, WITHIN_MS);
  assert.deepEqual([face.masterView().self, face.status().master.self], [true, true]);
  cluster.stoodStill(to, HELD_MS - WITHIN_MS);
  const { self, node, version, expiresInMs } = face.masterView();
  assert.deepEqual([self, node, version, expiresInMs], [false, null, null, null]);
  assert.equal(face.status().master.self, false);
  const events = await follower.next(0);
  const told = events.flatMap((event) => (event.type === 'master' ? [event.self] : []));
  assert.deepEqual(told, [false], 'the event of its election is told after the pause');
});

test('an order that it answers after the pause does not say that it holds the lease', async () => {
  const cluster = await Cluster.start();
  const { master } = cluster;
  const asked = cluster.group(master).setLease(LEASE_MS * 2);
  let answer: boolean | null = null;
  void asked.then(({ self }) => {
    answer = self;
  });
  // The order is under way; the process stands still, and wakes up to its answer.
  await cluster.run(1);
  cluster.stoodStill(master, 10 * LEASE_MS);
  await cluster.until('the order is answered', () => answer !== null);
  assert.equal(answer, false);
});

test('a reader of the feed that is slow hears who is master when it hears it, not when the log was read', async () => {
  const cluster = await Cluster.start();
  const [to = ''] = cluster.others;
  const face = cluster.group(to);
  const follower = face.follow({ from: 'now', system: true });
  await cluster.results([face.transferMaster(to)]);
  const frames = feedFrames(to, face, follower, () => true);
  const next = async (): Promise<{ type: string; self?: boolean }> =>
    JSON.parse((await frames.next()).value?.text ?? '');
  assert.equal((await next()).type, 'hello');
  assert.equal((await next()).type, 'commit', 'the master event was collected with this one');
  cluster.stoodStill(to, HELD_MS);
  let frame = await next();
  while (frame.type !== 'master') frame = await next();
  assert.equal(frame.self, false);
  follower.close();
});
