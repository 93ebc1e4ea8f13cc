import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupTime } from '../../src/engine/state/group-time.js';

test('time begins at zero, and goes on from the newest stamp with this node’s own clock', () => {
  let now = 5000;
  const time = new GroupTime(() => now);
  assert.equal(time.timeMs, 0);
  now = 6000;
  assert.equal(time.timeMs, 0, 'nothing was applied: there is no time yet');
  time.applied(100);
  now = 6250;
  assert.equal(time.timeMs, 350);
});

test('a stamp that comes late does not turn time back', () => {
  let now = 0;
  const time = new GroupTime(() => now);
  time.applied(1000);
  now = 500;
  time.applied(1100);
  assert.equal(time.timeMs, 1500);
  time.applied(2000);
  assert.equal(time.timeMs, 2000);
});

test('a restart goes on from the last stamp, however long the group was down', () => {
  const time = new GroupTime(() => 9_999_999);
  for (const stamp of [10, 20, 30]) time.applied(stamp);
  assert.equal(time.timeMs, 30);
});
