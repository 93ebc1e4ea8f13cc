import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_BALLOT } from '../../src/core/ballot.js';
import { recover } from '../../src/engine/log/recovery.js';
import type { Damage, LogRecord, StoredGroup } from '../../src/engine/log-store.js';

const record = (instance: number, chosen: boolean): LogRecord => {
  const value = { id: `v${instance}`, bytes: new Uint8Array() };
  return { instance, chosen, ballot: { round: 1, node: 'a' }, checksum: instance, value };
};

const stored = (
  last: LogRecord | null,
  damage: Damage[] = [],
  variables: Record<string, unknown> = {},
): StoredGroup => {
  const texts = Object.entries(variables).map(([name, value]) => [name, JSON.stringify(value)] as const);
  return { promised: NO_BALLOT, firstKept: 0, last, damage, variables: new Map(texts) };
};

test('an empty store starts at instance 0 and may vote', () => {
  assert.deepEqual(recover(stored(null), null), { open: 0, keptFrom: 0, vote: null, votesFrom: 0, lostVote: null });
});

test('a vote whose end is unknown stays the vote of the open instance', () => {
  const { open, vote, votesFrom } = recover(stored(record(7, false)), null);
  assert.deepEqual([open, vote?.value.id, votesFrom], [7, 'v7', 0]);
});

test('a learned value is closed: the next instance is open, without a vote', () => {
  const { open, vote } = recover(stored(record(7, true)), null);
  assert.deepEqual([open, vote], [8, null]);
});

test('a closed instance that is missing is learned again before this node votes', () => {
  const damage = [{ instance: 4, hidesVote: false, detail: 'checksum' }];
  assert.deepEqual(recover(stored(record(7, false), damage), null), {
    open: 4,
    keptFrom: 0,
    vote: null,
    votesFrom: 8,
    lostVote: null,
  });
});

test('a vote that may be missing takes the right to vote', () => {
  const damage = [{ instance: 7, hidesVote: true, detail: 'the last record fails its checksum' }];
  const { votesFrom, lostVote } = recover(stored(record(6, false), damage), null);
  assert.equal(votesFrom, null);
  assert.match(lostVote ?? '', /checksum/);
});

test('a variable of an instance without a record proves that the log lost its end', () => {
  const { votesFrom, lostVote } = recover(stored(record(7, false), [], { master: { version: 3, renewal: 8 } }), null);
  assert.equal(votesFrom, null);
  assert.match(lostVote ?? '', /log ends at 7/);
});

test('a variable set by the instance under the open vote is no sign of loss', () => {
  // Found by restarting a whole cluster: every node asked to be re-admitted.
  const { votesFrom } = recover(stored(record(7, false), [], { master: { version: 3, renewal: 7 } }), null);
  assert.equal(votesFrom, 0);
});
