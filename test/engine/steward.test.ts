// When a candidate gets its vote: when it has, at one look of the master, what the master had at the look before. Found in
// the simulator: after a rest the look before was of long ago. Tried: with the old mark kept, with orders that outlive the
// next look or the tenure, each test fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member, Membership } from '../../src/core/membership.js';
import type { MembershipChange } from '../../src/core/membership-change.js';
import { Roster } from '../../src/engine/members/roster.js';
import { Steward } from '../../src/engine/members/steward.js';
import type { Transport } from '../../src/engine/ports.js';

const VOTER: Member = { id: 'a', url: 'http://a', role: 'voter', store: 'of a' };
const CANDIDATE: Member = { id: 'b', url: 'http://b', role: 'learner', store: null, candidate: true };

class Bench {
  readonly roster: Roster;
  readonly orders: { readonly change: MembershipChange; readonly wanted: () => boolean }[] = [];
  readonly steward: Steward;
  isMaster = true;
  lastChosen = 0;
  #version = 0;

  constructor() {
    const transport = { isConnected: () => true } as unknown as Transport;
    this.roster = new Roster('a', 'of a', { gid: null, version: -1, members: [] }, transport);
    this.roster.connected({ id: 'b', store: 'of b' });
    this.steward = new Steward({
      roster: this.roster,
      isMaster: () => this.isMaster,
      lastChosen: () => this.lastChosen,
      resign: () => {},
      propose: (change, wanted) => this.orders.push({ change, wanted }),
    });
  }

  members(...members: readonly Member[]): void {
    const membership: Membership = { gid: 'g', version: this.#version++, members };
    this.roster.changed(membership);
  }
}

test('a candidate is promoted at the second look, when it has what was chosen by the first', () => {
  const bench = new Bench();
  bench.members(VOTER, CANDIDATE);
  bench.lastChosen = 10;
  bench.roster.at('b', 9);
  bench.steward.tick(0);
  bench.steward.tick(200);
  assert.equal(bench.orders.length, 0, 'it lacks an instance');
  bench.lastChosen = 12;
  bench.roster.at('b', 10);
  bench.steward.tick(400);
  assert.deepEqual(bench.orders[0]?.change, { op: 'promote', gid: 'g', expects: 0, id: 'b', store: 'of b' });
});

test('after a rest nobody is level by what was chosen before it', () => {
  const bench = new Bench();
  bench.members(VOTER, CANDIDATE);
  bench.lastChosen = 10;
  bench.steward.tick(0);
  bench.members(VOTER);
  bench.lastChosen = 1000;
  bench.members(VOTER, CANDIDATE);
  bench.roster.at('b', 10);
  bench.steward.tick(60_000);
  assert.equal(bench.orders.length, 0, 'it lacks 990 instances');
  bench.roster.at('b', 1000);
  bench.steward.tick(60_200);
  assert.equal(bench.orders.length, 1);
});

test('an order that could not leave is judged anew at the next look, and dropped with the lease', () => {
  const bench = new Bench();
  bench.members(VOTER, CANDIDATE);
  bench.roster.at('b', 0);
  bench.steward.tick(0);
  bench.steward.tick(200);
  const [first] = bench.orders;
  assert.equal(first?.wanted(), true);
  bench.isMaster = false;
  assert.equal(first?.wanted(), false, 'not the master any more');
  bench.isMaster = true;
  bench.steward.tick(400);
  assert.equal(first?.wanted(), false, 'there is a newer judgement');
  assert.equal(bench.orders[1]?.wanted(), true);
  bench.members(VOTER, CANDIDATE);
  assert.equal(bench.orders[1]?.wanted(), false, 'the list is another one');
});
