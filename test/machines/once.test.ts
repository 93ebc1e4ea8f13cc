import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Once, WINDOW } from '../../src/machines/once.js';

test('the at-most-once table agrees with a plain set inside its window', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: WINDOW - 1 }), { maxLength: 200 }), (sequences) => {
      const once = new Once();
      const model = new Set<number>();
      for (const [instance, sequence] of sequences.entries()) {
        const id = { origin: 'a', sequence };
        assert.equal(once.isNew(id), !model.has(sequence));
        once.add(id, instance);
        model.add(sequence);
      }
    }),
  );
});

test('what fell out of the window counts as executed, never as new', () => {
  const once = new Once();
  once.add({ origin: 'a', sequence: 3 * WINDOW }, 0);
  assert.equal(once.isNew({ origin: 'a', sequence: 2 * WINDOW }), false);
  assert.equal(once.isNew({ origin: 'a', sequence: 2 * WINDOW + 1 }), true);
  assert.equal(once.isNew({ origin: 'b', sequence: 0 }), true);
});

test('moving the window leaves no old marks behind', () => {
  const once = new Once();
  for (let sequence = 0; sequence < 10; sequence++) once.add({ origin: 'a', sequence }, 0);
  once.add({ origin: 'a', sequence: WINDOW + 4 }, 1);
  assert.equal(once.isNew({ origin: 'a', sequence: WINDOW + 3 }), true);
  assert.equal(once.isNew({ origin: 'a', sequence: 9 }), false);
});
