// How long a proposer waits for answers before it sends a value again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RESEND_MS } from '../../src/core/limits.js';
import { LoneReplica, sentTo } from './lone-replica.js';

test('a large value is given time in proportion, before the first resend and the following ones', () => {
  const lone = new LoneReplica();
  const first = sentTo('b', 'accept', lone.isPromisedByB('x'.repeat(20_000_000)));
  assert.deepEqual(sentTo('b', 'accept', lone.wakes()), first);
  const waitedMs = lone.now;
  assert.ok(waitedMs >= 10 * RESEND_MS);
  assert.deepEqual(sentTo('b', 'accept', lone.wakes()), first);
  assert.ok(lone.now >= 2 * waitedMs);
});
