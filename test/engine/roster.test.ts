// Whose votes count for a quorum in reach. Tried: counting every connected voter, as it once was, fails both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../src/core/membership.js';
import { Roster } from '../../src/engine/members/roster.js';
import type { Transport } from '../../src/engine/ports.js';

const members = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}`, role: 'voter' as const, store: `of ${id}` }));
const membership: Membership = { gid: 'g', version: 0, members };

function rosterWith(up: readonly string[]): Roster {
  const transport = { isConnected: (id: string) => up.includes(id) } as unknown as Transport;
  const roster = new Roster('a', 'of a', { gid: null, version: -1, members: [] }, transport);
  roster.changed(membership);
  return roster;
}

test('a connected voter with another store than the listed one makes no quorum', () => {
  const roster = rosterWith(['b']);
  roster.connected({ id: 'b', store: 'a new one' });
  assert.equal(roster.hasQuorum(), false);
  assert.equal(roster.view(0).members[1]?.needsReadmission, true);
  roster.connected({ id: 'b', store: 'of b' });
  assert.equal(roster.hasQuorum(), true);
});

test('a node that may have lost a vote does not count itself', () => {
  const roster = rosterWith(['b']);
  roster.connected({ id: 'b', store: 'of b' });
  roster.lostVote = 'the last record fails its checksum';
  assert.equal(roster.hasQuorum(), false);
});

// Tried: without the look at the store this fails, and an empty node is promoted for what its lost disk had held.
test('what a lost disk held makes its successor no more level', () => {
  const roster = rosterWith(['b']);
  roster.connected({ id: 'b', store: 'of b' });
  roster.at('b', 41);
  roster.connected({ id: 'b', store: 'of b' });
  assert.equal(roster.lastChosenAt('b'), 41, 'the same store comes back');
  roster.connected({ id: 'b', store: 'a new one' });
  assert.equal(roster.lastChosenAt('b'), null);
});
