import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LockMachine, type LockView, RESTORE_GAP } from '../../src/machines/lock.js';
import { codeOf, feed, hold, restore, resultOf } from './fed.js';

const acquire = (owner: string, ttlMs = 100) => ({ op: 'acquire', name: 'l', owner, ttlMs });
const renew = (fence: number, more: object = {}) => ({ op: 'renew', name: 'l', fence, ttlMs: 100, ...more });
const release = (fence: number) => ({ op: 'release', name: 'l', fence });
const fenceOf = (view: unknown) => (view as LockView).fence;

describe('lock', () => {
  it('is held by one owner at a time, and names the holder to who comes too early', () => {
    const lock = new LockMachine();
    assert.deepEqual(resultOf(feed(lock, acquire('a'))), { owner: 'a', fence: 1, expiresInMs: 100 });
    for (const owner of ['a', 'b']) {
      assert.deepEqual(feed(lock, acquire(owner), { timeMs: 40 }), {
        rejected: 'the lock is held',
        code: 'lock-held',
        facts: { owner: 'a', fence: 1, expiresInMs: 60 },
      });
    }
    assert.deepEqual(lock.query({ name: 'l' }, { timeMs: 50 }), { owner: 'a', fence: 1, expiresInMs: 50 });
    assert.equal(lock.query({ name: 'other' }, { timeMs: 50 }), null);
  });

  it('goes on with the same fence when its holder renews it, and with nobody else', () => {
    const lock = new LockMachine();
    feed(lock, acquire('a'));
    assert.deepEqual(resultOf(feed(lock, renew(1), { timeMs: 90 })), { owner: 'a', fence: 1, expiresInMs: 100 });
    assert.equal(lock.dueAtMs, 190);
    assert.equal(codeOf(feed(lock, renew(2), { timeMs: 90 })), 'lock-held');
    assert.equal(codeOf(feed(lock, renew(1, { owner: 'b' }), { timeMs: 90 })), 'lock-held');
    assert.equal(codeOf(feed(lock, renew(1, { owner: 'a' }), { timeMs: 90 })), null);
    assert.equal(codeOf(feed(lock, renew(1), { timeMs: 190 })), 'precondition-failed');
    assert.equal(codeOf(feed(lock, renew(1), { timeMs: 191 })), 'precondition-failed');
  });

  it('is released by its fence, once', () => {
    const lock = new LockMachine();
    feed(lock, acquire('a'));
    assert.equal(codeOf(feed(lock, release(2))), 'lock-held');
    assert.deepEqual(resultOf(feed(lock, release(1))), { owner: 'a', fence: 1, expiresInMs: 0 });
    assert.equal(lock.dueAtMs, null);
    assert.equal(codeOf(feed(lock, release(1))), 'key-not-found');
    assert.equal(fenceOf(resultOf(feed(lock, acquire('b')))), 2);
    assert.equal(codeOf(feed(lock, release(1))), 'lock-held');
  });

  it('ends at its very millisecond, with the next command of any kind, and asks for one', () => {
    const lock = new LockMachine();
    feed(lock, acquire('a'), { timeMs: 1 });
    assert.equal(lock.dueAtMs, 101);
    feed(lock, { op: 'expire' }, { timeMs: 100 });
    assert.equal(codeOf(feed(lock, acquire('b'), { timeMs: 100 })), 'lock-held');
    assert.deepEqual(lock.query({ name: 'l' }, { timeMs: 500 }), { owner: 'a', fence: 1, expiresInMs: 0 });
    feed(lock, { op: 'expire' }, { timeMs: 101 });
    assert.equal(lock.query({ name: 'l' }, { timeMs: 101 }), null);
    assert.equal(Buffer.from(lock.due().bytes).toString(), '{"op":"expire"}');
  });

  it('gives fences that only rise: over names, over snapshots, and with a leap after a backup', async () => {
    const lock = new LockMachine();
    feed(lock, acquire('a'));
    assert.equal(fenceOf(resultOf(feed(lock, { ...acquire('a'), name: 'm' }))), 2);
    feed(lock, release(1));
    const snapshot = await hold(lock)();
    const copy = new LockMachine();
    await restore(copy, snapshot);
    assert.equal(copy.digest(), lock.digest());
    const restored = new LockMachine();
    await restore(restored, snapshot, { source: 'backup' });
    assert.equal(fenceOf(resultOf(feed(copy, acquire('b')))), 3);
    assert.equal(fenceOf(resultOf(feed(restored, acquire('b')))), 3 + RESTORE_GAP);
    const twice = new LockMachine();
    await restore(twice, await hold(restored)(), { source: 'backup' });
    feed(twice, release(3 + RESTORE_GAP));
    assert.equal(fenceOf(resultOf(feed(twice, acquire('b')))), 4 + 2 * RESTORE_GAP);
    assert.equal((twice.query({ name: 'm' }, { timeMs: 0 }) as LockView).fence, 2);
    assert.equal(twice.dueAtMs, 100);
  });

  for (const bad of [
    'no JSON',
    '{"op":"acquire","name":"l","owner":"a"}',
    '{"op":"acquire","name":"l","ttlMs":1}',
    '{"op":"acquire","name":"l","owner":"a","ttlMs":1,"fence":1}',
    '{"op":"acquire","name":"","owner":"a","ttlMs":1}',
    '{"op":"acquire","name":"l","owner":"a","ttlMs":0}',
    '{"op":"renew","name":"l","ttlMs":1}',
    '{"op":"renew","name":"l","fence":"1","ttlMs":1}',
    '{"op":"release","name":"l"}',
    '{"op":"release","name":"l","fence":1.5}',
    '{"op":"steal","name":"l"}',
  ]) {
    it(`refuses ${bad}`, () => {
      const lock = new LockMachine();
      assert.ok('rejected' in lock.beforePropose({ encoding: 'json', bytes: Buffer.from(bad) }));
      assert.equal(codeOf(feed(lock, bad)), 'command-rejected');
      assert.equal(lock.digest(), new LockMachine().digest());
    });
  }
});
