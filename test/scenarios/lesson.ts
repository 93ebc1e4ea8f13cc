// A lesson: a seed that failed once, kept with what it taught. The seed alone proves little, because any change of the code
// changes its story; so the fault is planted again as a mutant, which must fall at a seed that is recorded with it, and the
// code as it stands must pass that very seed and its neighbours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../src/simulator/simulation.js';
import { MUTANTS } from '../sim/mutants/index.js';
import { catchAgain } from '../sim/mutation.js';
import { wireFor } from '../sim/wire.js';

const SEEDS_MAX = 400;
const NEIGHBOURS = 4;

/** `taught` reads as a sentence; `fault` names the mutant that is the code as it was, or worse. */
export function lesson(taught: string, fault: string): void {
  test(taught, async () => {
    const mutant = MUTANTS.find(({ name }) => name === fault);
    assert.ok(mutant !== undefined, `there is no mutant "${fault}"`);
    const { fall } = await catchAgain(mutant, SEEDS_MAX);
    assert.ok(fall !== null, `"${fault}" is not noticed any more`);
    for (let seed = fall.seed; seed < fall.seed + NEIGHBOURS; seed++) {
      const { failure } = await simulate({ seed, profile: fall.profile, wire: wireFor(seed) });
      assert.equal(failure, null, `seed ${seed}, ${fall.profile}`);
    }
  });
}
