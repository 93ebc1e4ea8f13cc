// The amnesia guard. Without it, two wiped nodes of three found a second group while the third, with everything that was
// ever acknowledged, is away. Tried: with `needed` set to 0 in founding.ts, the second and the third test fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../src/core/membership.js';
import { Founding } from '../../src/engine/members/founding.js';
import { Roster } from '../../src/engine/members/roster.js';
import type { Empty } from '../../src/engine/peer-messages.js';
import type { Transport } from '../../src/engine/ports.js';

interface Founder {
  readonly id: string;
  readonly founding: Founding;
  readonly roster: Roster;
  isEmpty: boolean;
  isUp: boolean;
}

const transport = { isConnected: () => true } as unknown as Transport;

function foundersNamed(...ids: string[]): Founder[] {
  const members = ids.map((id) => ({ id, url: `http://${id}`, role: 'voter' as const, store: null }));
  const configured: Membership = { gid: null, version: -1, members };
  const founders: Founder[] = [];
  for (const id of ids) {
    const roster = new Roster(id, `store of ${id}`, configured, transport);
    const send = (to: string, message: Empty) => {
      const peer = founders.find((one) => one.id === to);
      if (peer?.isUp) peer.founding.received(id, message);
    };
    const isEmpty = () => founder.isEmpty;
    const founding = new Founding({ roster, random: Math.random, send, isEmpty, confirmed: () => {} }, 0);
    const founder: Founder = { id, founding, roster, isEmpty: true, isUp: true };
    founders.push(founder);
  }
  return founders;
}

/** Every node that is up hears of every other that is up, and looks at its watch for a while. */
function meet(founders: readonly Founder[]): void {
  const up = founders.filter(({ isUp }) => isUp);
  for (const { founding, roster } of up) {
    for (const { id } of up) {
      if (id === roster.self) continue;
      roster.connected({ id, store: `store of ${id}` });
      founding.connected(id);
    }
  }
  for (let now = 0; now < 10_000; now += 100) for (const { founding } of up) founding.tick(now);
}

const whoMay = (founders: readonly Founder[]) =>
  founders.filter(({ founding }) => founding.mayFound).map(({ id }) => id);

test('three new nodes may found as soon as they have met', () => {
  const founders = foundersNamed('a', 'b', 'c');
  meet(founders);
  assert.deepEqual(whoMay(founders), ['a', 'b', 'c']);
  assert.equal(founders[0]?.founding.isDue(0), true);
});

test('two wiped nodes never found while the third is away', () => {
  const founders = foundersNamed('a', 'b', 'c');
  const [, , third] = founders;
  assert.ok(third);
  third.isUp = false;
  meet(founders);
  assert.deepEqual(whoMay(founders), []);
});

test('a wiped node never votes beside one that has voted', () => {
  const founders = foundersNamed('a', 'b', 'c');
  const [voted] = founders;
  assert.ok(voted);
  voted.isEmpty = false;
  meet(founders);
  assert.deepEqual(whoMay(founders), []);
});

test('of five, one may be away for the founding; of two, none', () => {
  const five = foundersNamed('a', 'b', 'c', 'd', 'e');
  const [, , , , fifth] = five;
  assert.ok(fifth);
  fifth.isUp = false;
  meet(five);
  assert.deepEqual(whoMay(five), ['a', 'b', 'c', 'd']);
  const two = foundersNamed('a', 'b');
  const [, second] = two;
  assert.ok(second);
  second.isUp = false;
  meet(two);
  assert.deepEqual(whoMay(two), []);
});

test('a node alone founds at once', () => {
  const founders = foundersNamed('a');
  meet(founders);
  assert.deepEqual(whoMay(founders), ['a']);
});

test('a store that has promised needs nobody to vouch for it', () => {
  const [founder] = foundersNamed('a', 'b', 'c');
  assert.ok(founder);
  founder.founding.loaded(true);
  assert.equal(founder.founding.mayFound, true);
});
