import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CounterMachine } from '../../src/machines/counter.js';
import { codeOf, feed, hold, restore, resultOf } from './fed.js';

const add = (number: unknown, name = 'c') => ({ op: 'add', name, add: number });

describe('counter', () => {
  it('adds up, also downwards, and is 0 before anybody has added', () => {
    const counter = new CounterMachine();
    assert.deepEqual(counter.query({ name: 'c' }), { value: 0 });
    assert.deepEqual(resultOf(feed(counter, add(5))), { value: 5 });
    assert.deepEqual(resultOf(feed(counter, add(-7))), { value: -2 });
    assert.deepEqual(counter.query({ name: 'c' }), { value: -2 });
    assert.deepEqual(counter.query({ name: 'd' }), { value: 0 });
  });

  it('rejects a sum that is no safe integer, and stays as it was', () => {
    const counter = new CounterMachine();
    const largest = Number.MAX_SAFE_INTEGER;
    feed(counter, add(largest));
    const before = counter.digest();
    assert.equal(codeOf(feed(counter, add(1))), 'command-rejected');
    assert.equal(codeOf(feed(counter, add(largest))), 'command-rejected');
    assert.equal(counter.digest(), before);
    assert.deepEqual(resultOf(feed(counter, add(-largest))), { value: 0 });
    feed(counter, add(-largest));
    assert.equal(codeOf(feed(counter, add(-1))), 'command-rejected');
  });

  for (const bad of [
    '',
    '7',
    '{"op":"add","name":"c","add":1.5}',
    '{"op":"add","name":"c","add":9007199254740992}',
    '{"op":"add","name":"c","add":"1"}',
    '{"op":"add","name":"c"}',
    '{"name":"c","add":1}',
    '{"op":"add","add":1}',
    '{"op":"add","name":"c","add":1,"by":2}',
  ]) {
    it(`refuses ${bad || 'nothing'}`, () => {
      const counter = new CounterMachine();
      assert.ok('rejected' in counter.beforePropose({ encoding: 'json', bytes: Buffer.from(bad) }));
      assert.equal(codeOf(feed(counter, bad)), 'command-rejected');
      assert.equal(counter.digest(), 0);
    });
  }

  it('comes back from its snapshot', async () => {
    const counter = new CounterMachine();
    for (const name of ['c', '__proto__', 'é']) feed(counter, add(3, name));
    const copy = new CounterMachine();
    await restore(copy, await hold(counter)());
    for (const name of ['c', '__proto__', 'é']) assert.deepEqual(copy.query({ name }), { value: 3 });
    assert.equal(copy.digest(), counter.digest());
  });
});
