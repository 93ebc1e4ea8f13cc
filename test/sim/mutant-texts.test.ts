// That every mutant can still be planted, without hunting it: each text that it replaces stands exactly once in the compiled
// code. Five had lost theirs when this was written: nobody had looked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTANTS } from './mutants/index.js';
import { misplaced } from './mutation.js';

test('every text that a mutant replaces stands in the compiled code exactly once', async () => {
  const missing: string[] = [];
  for (const mutant of MUTANTS) missing.push(...(await misplaced(mutant)));
  assert.deepEqual(missing, []);
});

test('a text that stands nowhere is told', async () => {
  const edits = [['engine/group', 'what no file holds', '']] as const;
  const missing = await misplaced({ name: 'of nothing', edits, falls: { invariant: '', profile: 'swarm', seed: 1 } });
  assert.equal(missing.length, 1);
});
