import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../../src/engine/outbox.js';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import type { Transport } from '../../src/engine/ports.js';

const CHOSEN: PeerMessage = { type: 'chosen', instance: 1, ballot: { round: 1, node: 'a' }, chain: 0 };
const ASK: PeerMessage = { type: 'ask', open: 2 };

function outbox() {
  const shipped: number[] = [];
  let queued = 0;
  const transport = {
    send: () => void queued++,
    flush: () => {
      shipped.push(queued);
      queued = 0;
    },
  } as unknown as Transport;
  return { shipped, box: new Outbox(transport) };
}

test('patient news goes with the next urgent message', () => {
  const { shipped, box } = outbox();
  box.sendPatiently('b', 'g', CHOSEN, 10);
  box.flush(10);
  assert.deepEqual(shipped, []);
  box.send('b', 'g', ASK);
  box.flush(10.2);
  assert.deepEqual(shipped, [2]);
  assert.equal(box.wakeAt, null);
});

test('patient news that nothing travels with goes when its time has come', () => {
  const { shipped, box } = outbox();
  box.sendPatiently('b', 'g', CHOSEN, 10);
  const due = box.wakeAt;
  assert.ok(due !== null && due > 10);
  box.flush(due);
  assert.deepEqual(shipped, [1]);
  box.flush(due + 1);
  assert.deepEqual(shipped, [1], 'nothing is left to ship');
});
