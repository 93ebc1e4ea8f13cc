// A vote that was found on disk at the start, whose end this node does not know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECOVER_MS } from '../../src/core/limits.js';
import { LoneReplica } from './lone-replica.js';
import { ballot, value, votersNamed } from './samples.js';

const found = { open: 5, promised: ballot(3, 'a'), vote: { ballot: ballot(3, 'a'), value: value('last'), chain: 9 } };

// Tried: with the wait for others the first time is RECOVER_MS away or more.
test('the only member finishes the vote that it finds at once: there is nobody to wait for', () => {
  const lone = new LoneReplica({ ...found, membership: votersNamed('a') });
  assert.equal(lone.replica.isRecovering, true);
  assert.equal(lone.replica.wakeAt, 0);
  const promised = lone.saves(lone.wakes());
  const accepted = lone.saves(promised);
  const { chosen } = lone.saves(accepted);
  assert.deepEqual(
    [...promised.chosen, ...accepted.chosen, ...chosen].map((entry) => [entry.instance, entry.value.id]),
    [[5, 'last']],
  );
  assert.equal(lone.replica.isRecovering, false);
});

// Tried: without the wait a restarted node outbids whoever is about to tell it how the vote ended.
test('where there are others, they have a moment to tell how it ended', () => {
  const one = new LoneReplica(found);
  assert.ok((one.replica.wakeAt ?? 0) >= RECOVER_MS);
});
