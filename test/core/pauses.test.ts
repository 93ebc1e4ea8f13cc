// Rivals pause after a refusal. Found in the simulator: five proposers, 40 ms apart, paused for 10 to 40 ms each, and for 14
// seconds after all was repaired every accept came behind somebody's next prepare. Tried: with pauses that do not grow the first test fails, with ones that are not forgotten the second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoneReplica, sentTo } from './lone-replica.js';
import { value } from './samples.js';

const SEEDS = 50;

/** Longest pause over many replicas, after so many ballots in a row were refused by all others. */
function longestPause(refusals: number, before: (lone: LoneReplica) => void = () => undefined): number {
  let longest = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lone = new LoneReplica({ seed });
    before(lone);
    let out = lone.proposes('mine');
    for (let refusal = 1; ; refusal++) {
      const { instance, ballot } = sentTo('b', 'prepare', out);
      lone.saves(out);
      const promised = { round: ballot.round + 1, node: 'b' };
      for (const from of ['b', 'c']) lone.hears(from, { type: 'rejected', instance, ballot, promised });
      if (refusal === refusals) break;
      out = lone.wakes();
    }
    longest = Math.max(longest, (lone.replica.wakeAt ?? 0) - lone.now);
  }
  return longest;
}

test('the pause after a refusal is short, and grows with each one in a row up to a limit', () => {
  assert.ok(longestPause(1) <= 40);
  const [third, ninth] = [longestPause(3), longestPause(9)];
  assert.ok(third > 80 && third <= 160, `${third}`);
  assert.ok(ninth > 640 && ninth <= 1280, `${ninth}`);
});

test('the next instance begins with short pauses', () => {
  const pause = longestPause(1, (lone) => {
    const out = lone.proposes('lost');
    const { instance, ballot } = sentTo('b', 'prepare', out);
    lone.saves(out);
    const promised = { round: 9, node: 'b' };
    for (const from of ['b', 'c']) lone.hears(from, { type: 'rejected', instance, ballot, promised });
    const theirs = value('theirs');
    const chain = lone.replica.chainWith(theirs);
    lone.hears('b', { type: 'teach', open: 1, entries: [{ instance: 0, ballot: promised, value: theirs, chain }] });
    lone.now += 1000;
  });
  assert.ok(pause <= 40, `${pause}`);
});
