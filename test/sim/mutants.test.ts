// Teeth: every mutant breaks the invariant it is there to break, and every invariant is broken by some mutant.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTANTS } from './mutants/index.js';
import { catchAgain } from './mutation.js';

/** How far to look when the seed that caught a mutant does not any more, because the code has moved on. */
const SEEDS_MAX = 400;

/** Every invariant that the simulator checks. */
const INVARIANTS = [
  'agreement',
  'validity',
  'stability',
  'promise-monotone',
  'vote-after-promise',
  'ballot-owner',
  'durable-before-said',
  'chosen-is-counted',
  'one-membership',
  'listed-identity',
  'in-order',
  'no-gap',
  'same-state',
  'acked-is-kept',
  'acked-once',
  'honest-outcome',
  'linearizable',
  'loan-kept',
  'one-master',
  'lease-version',
  'promoted-is-level',
  'fenced',
  'feed-exact',
  'bounded',
  'progress',
];

for (const mutant of MUTANTS) {
  test(`the simulator sees ${mutant.falls.invariant} broken by: ${mutant.name}`, async () => {
    const { fall, first } = await catchAgain(mutant, SEEDS_MAX);
    const other = first === null ? 'nothing at all' : `${first.invariant} at seed ${first.seed}, ${first.profile}`;
    assert.ok(fall !== null, `broken was ${other}; hunt it again with npm run mutants`);
  });
}

test('every invariant has teeth: some mutant breaks it', () => {
  const broken = new Set(MUTANTS.map(({ falls }) => falls.invariant));
  assert.deepEqual([...broken].sort(), [...INVARIANTS].sort());
});

test('no two mutants have the same name', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});
