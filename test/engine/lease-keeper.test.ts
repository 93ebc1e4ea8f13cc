import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseKeeper, MARGIN } from '../../src/engine/lease-keeper.js';
import type { MasterCommand, MasterState } from '../../src/machines/master-machine.js';

const LEASE_MS = 1000;

function keeper(self: string, origin = `${self}~1`, leaseMs = LEASE_MS) {
  const proposed: MasterCommand[] = [];
  const options = {
    self,
    origin,
    leaseMs: () => leaseMs,
    random: () => 0.5,
    propose: (order: MasterCommand) => void proposed.push(order),
  };
  return { proposed, lease: new LeaseKeeper(options, 0) };
}

const held = (by: string, startedAtMs: number, more: Partial<MasterState> = {}): MasterState => {
  return { node: by, origin: `${by}~1`, startedAtMs, version: 5, renewal: 5, leaseMs: LEASE_MS, heir: null, ...more };
};

test('the holder counts from before it proposed, less the margin; the others from when they applied', () => {
  const a = keeper('a').lease;
  const b = keeper('b').lease;
  a.applied(held('a', 100), 400, 0);
  b.applied(held('a', 100), 400, 1);
  const holderEnds = 100 + LEASE_MS * (1 - MARGIN);
  assert.equal(a.view(holderEnds - 1).self, true);
  assert.equal(a.view(holderEnds).self, false);
  assert.equal(b.view(400 + LEASE_MS - 1).node, 'a');
  assert.equal(b.view(400 + LEASE_MS).node, null);
});

test('an operation that commits after its lease has run out gives the holder nothing', () => {
  const { lease } = keeper('a');
  lease.applied(held('a', 100), 5000, 0);
  assert.equal(lease.view(5000).self, false);
});

test('the stamp of a former life means nothing: a restarted master must win again', () => {
  const { lease, proposed } = keeper('a', 'a~2');
  lease.started(held('a', 1_000_000), 0, 0);
  assert.equal(lease.view(10).self, false);
  assert.equal(lease.view(10).node, 'a', 'a full lease is granted to the former life');
  lease.tick(500, true, 0);
  assert.equal(proposed.length, 0);
  lease.tick(LEASE_MS + 500, true, 0);
  assert.equal(proposed[0]?.op, 'acquire');
});

test('the holder renews between an eighth and three eighths of the lease', () => {
  const { lease, proposed } = keeper('a');
  lease.applied(held('a', 0), 0, 0);
  const at = lease.wakeAt ?? Number.NaN;
  assert.ok(at >= LEASE_MS / 8 && at <= (LEASE_MS * 3) / 8);
  lease.tick(at, true, 0);
  assert.deepEqual(proposed, [
    { op: 'renew', node: 'a', origin: 'a~1', startedAtMs: at, version: 5, leaseMs: LEASE_MS },
  ]);
});

test('nobody tries for a lease that still runs, and who may not vote never does', () => {
  const { lease, proposed } = keeper('b');
  lease.applied(held('a', 0), 0, 1);
  lease.tick(LEASE_MS - 1, true, 1);
  lease.tick(LEASE_MS + 400, false, 1);
  assert.equal(proposed.length, 0);
});

test('an acquire names the renewal it saw, so a renewal in between defeats it', () => {
  const { lease, proposed } = keeper('b');
  lease.applied(held('a', 0, { renewal: 9 }), 0, 1);
  lease.tick(LEASE_MS + 400, true, 1);
  assert.deepEqual(proposed[0], {
    op: 'acquire',
    node: 'b',
    origin: 'b~1',
    startedAtMs: LEASE_MS + 400,
    expects: 9,
    leaseMs: LEASE_MS,
  });
});

test('a released lease is free at once, and its former holder takes no other', () => {
  const { lease, proposed } = keeper('a');
  lease.applied(held('a', 0), 0, 0);
  assert.equal(lease.release(10), true);
  assert.equal(proposed[0]?.op, 'release');
  lease.applied(held('a', 0, { node: null, renewal: 6 }), 20, 0);
  assert.equal(lease.view(20).node, null);
  lease.tick(10_000, true, 0);
  assert.equal(proposed.length, 1);
});

test('with clocks wrong by 5 % either way, the holder stops before anybody else may begin', () => {
  // Real time r; a clock that runs at rate f shows f * r. The slowest holder against the fastest candidate.
  const holderStopsAt = (LEASE_MS * (1 - MARGIN)) / 0.95;
  const candidateStartsAt = LEASE_MS / 1.05;
  assert.ok(holderStopsAt < candidateStartsAt);
});

test('in a group that never had a master, who may not stand for it yet looks again soon, however long a lease is', () => {
  const hour = 3_600_000;
  const { lease } = keeper('a', 'a~1', hour);
  lease.started(null, 0, 0);
  lease.tick(100, false, 0);
  assert.ok((lease.wakeAt ?? hour) < 1000);
  lease.applied(held('b', 0, { leaseMs: hour }), 200, 0);
  lease.tick(2 * hour, false, 0);
  assert.ok((lease.wakeAt ?? 0) >= 2 * hour + hour / 4);
});
