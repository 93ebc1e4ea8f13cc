// One rejection and one silent voter out of three: the ballot is neither won nor lost by count, and yet its proposer must
// not wait for ever. Found with a chaos proxy: a node cut off from the proposer alone stayed behind until the cut healed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noEffects } from '../../src/core/effects.js';
import type { Membership } from '../../src/core/membership.js';
import type { Message } from '../../src/core/message.js';
import { type Input, Replica } from '../../src/core/replica.js';

const membership: Membership = {
  gid: 'g',
  version: -1,
  members: ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}`, role: 'voter', store: id })),
};

test('a proposer that one voter refused and another does not answer tries again with a higher ballot', () => {
  const start = { self: 'a', store: 'a', open: 0, chain: 0, promised: { round: 0, node: '' }, vote: null, membership };
  const host = { chain: () => 1, membershipAfter: () => membership };
  const replica = new Replica({ ...start, votesFrom: 0, mayFound: true, seed: 1 }, host, 0);
  let now = 0;
  /** What leaves for others; what is for myself comes back when it is durable. */
  const step = (input: Input): { readonly to: string; readonly message: Message }[] => {
    const out = noEffects();
    replica.step(input, now, out);
    const sent = [...out.now, ...out.after];
    const mine = sent.filter(({ to }) => to === 'a');
    return [
      ...sent.filter(({ to }) => to !== 'a'),
      ...mine.flatMap(({ message }) => step({ type: 'deliver', from: 'a', store: 'a', message })),
    ];
  };
  const fromC = (message: Message) => step({ type: 'deliver', from: 'c', store: 'c', message });
  const toC = (type: 'prepare' | 'accept', sent: ReturnType<typeof step>) => {
    const found = sent.find(({ to, message }) => to === 'c' && message.type === type)?.message;
    return found !== undefined && 'ballot' in found ? found.ballot : null;
  };

  const first = toC('prepare', step({ type: 'propose', value: { id: 'a/0', bytes: new Uint8Array([1]) } }));
  assert.ok(first !== null);
  const accepting = fromC({ type: 'promised', instance: 0, ballot: first, vote: null });
  assert.deepEqual(toC('accept', accepting), first);
  fromC({ type: 'rejected', instance: 0, ballot: first, promised: { round: 7, node: 'b' } });

  let again: ReturnType<typeof toC> = null;
  for (let ticks = 0; again === null && ticks < 10 && replica.wakeAt !== null; ticks++) {
    now = replica.wakeAt;
    again = toC('prepare', step({ type: 'tick' }));
  }
  assert.deepEqual(again, { round: 8, node: 'a' });
});
