// A taker that lags is told by the master how its batch ended. Found in the simulator (seed 2162 of profile slow-newcomers,
// as it was then): the batch was found in the log by its first command alone, which the taker had handed over before, beside
// other commands; its caller was told the outcome of somebody else's order. Tried: without the look at all keys this fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../src/core/membership.js';
import type { Replica } from '../../src/core/replica.js';
import type { AppliedEntry } from '../../src/engine/log/applier.js';
import type { HostMessage } from '../../src/engine/peer-messages.js';
import { Committer } from '../../src/engine/proposals/committer.js';
import { Forwarder } from '../../src/engine/proposals/forwarder.js';
import { packBatch } from '../../src/machines/batch.js';
import type { Command } from '../../src/machines/command.js';
import { MachineRouter } from '../../src/machines/router.js';

const founding: Membership = {
  gid: null,
  version: -1,
  members: [{ id: 'a', url: 'http://a', role: 'voter', store: null }],
};

function command(origin: string, sequence: number): Command {
  const bytes = Buffer.from(String(sequence));
  return { id: { origin, sequence }, machine: 'log', encoding: 'json', bytes, key: null, ifMaster: null };
}

test('the answer to a batch is read off the place where all of it stands', () => {
  const sent: HostMessage[] = [];
  const forwarder = new Forwarder({
    self: 'a',
    committer: new Committer('a~1.x', 0),
    router: new MachineRouter(founding, []),
    send: (_, message) => sent.push(message),
    isConnected: () => true,
    trace: () => undefined,
  });
  const replica = { mayVote: true, isLevel: true } as Replica;
  const [again, late, other] = [command('b~1.x', 0), command('b~1.x', 1), command('c~1.x', 0)];
  const batch = packBatch([again, late]);
  forwarder.received('b', { type: 'forward', id: 7, reply: true, waitMs: 1000, batch }, replica, null, 0);
  const commands = [again, other, again, late];
  const outcomes = commands.map((_, place) => ({ applied: true, result: place }) as const);
  const entry = { instance: 4 };
  forwarder.applied({ entry, commands, outcomes } as unknown as AppliedEntry);
  const json = JSON.stringify({ index: 2, outcomes: outcomes.slice(2) });
  assert.deepEqual(sent, [{ type: 'forward-settled', id: 7, instance: 4, json }]);
});
