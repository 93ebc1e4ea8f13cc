// The amnesia guard, and what it is for. With the guard the wiped voter does not vote, nothing is chosen without the node
// that remembers, and the acknowledged value stands on all three. Without it the very same script ends with another value
// in its place, or in another cluster (agreement); what a client was told is stored is gone from the two that go on
// (acked-is-kept).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { MUTANTS } from '../sim/mutants/index.js';
import { withMutant } from '../sim/mutation.js';
import { afterTheFounding, beforeTheFounding, type Ending } from './wiped-voter.js';

type Scenes = typeof import('./wiped-voter.js');

async function without(guard: string, play: (scenes: Scenes) => Promise<Ending>): Promise<Ending> {
  const mutant = MUTANTS.find(({ name }) => name === guard);
  assert.ok(mutant !== undefined, `there is no mutant "${guard}"`);
  return withMutant(mutant, async (root) => {
    return play(await import(pathToFileURL(join(root, 'test', 'scenarios', 'wiped-voter.js')).href));
  });
}

function assertKept({ instance, third, stands, gids }: Ending): void {
  assert.equal(typeof instance, 'number', `the value was not acknowledged: ${instance}`);
  assert.equal(typeof third, 'string', `the third was told that its value stands at ${third}`);
  assert.deepEqual(stands, { a: ['kept'], b: ['kept'], c: ['kept'] });
  assert.equal(new Set(gids).size, 1);
}

test('a voter that lost its disk does not vote, so what it acknowledged is kept', async () => {
  assertKept(await afterTheFounding());
});

test('if any store could vote, the same script would lose an acknowledged value', async () => {
  const { instance, third, stands } = await without('a wiped node returns', (scenes) => scenes.afterTheFounding());
  assert.equal(typeof instance, 'number');
  assert.equal(third, instance, 'two clients were told that theirs is the value of this instance');
  assert.deepEqual(stands, { a: ['kept'], b: ['another'], c: ['another'] });
});

test('a founder that lost its disk does not found again, so what it acknowledged is kept', async () => {
  assertKept(await beforeTheFounding());
});

test('if an empty store could vote in a founding, the same script would lose an acknowledged value', async () => {
  const guard = 'an empty store votes in a founding';
  const { instance, stands, gids } = await without(guard, (scenes) => scenes.beforeTheFounding());
  assert.equal(typeof instance, 'number');
  assert.deepEqual(stands, { a: ['kept'], b: null, c: null });
  const [first, second, third] = gids;
  assert.ok(second === third && second !== first && second !== null, `founded were ${gids}`);
});
