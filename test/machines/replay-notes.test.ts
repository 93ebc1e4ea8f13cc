import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplayNotes } from '../../src/machines/replay-notes.js';

// Tried: with places that are never forgotten the notes grow for ever; with all of them forgotten a repeat is handed on.
test('notes are forgotten through a checkpoint, and what is behind it stays as it was', () => {
  const notes = new ReplayNotes();
  for (let instance = 0; instance < 10; instance++) {
    if (instance % 2 === 0) notes.withhold(instance, 3);
    notes.applied(instance, 100 * instance);
  }
  notes.forgetThrough(5);
  assert.deepEqual([notes.since, notes.timeMsOf(5), notes.timeMsOf(6), notes.timeMsOf(9)], [5, undefined, 600, 900]);
  assert.deepEqual([notes.timeMsOf(10), notes.wasWithheld(4, 3), notes.wasWithheld(6, 3)], [undefined, false, true]);
  assert.deepEqual([notes.wasWithheld(6, 2), notes.wasWithheld(7, 3)], [false, false]);
  notes.forgetThrough(2);
  assert.equal(notes.since, 5, 'an older checkpoint says nothing new');
  notes.applied(10, 1000);
  assert.equal(notes.timeMsOf(10), 1000);
});

// Tried: with the rest of an instance noted that the new state holds already, each later one gets the time of the one before.
test('a state that was put in place begins new notes, also from the midst of the instance it is of', () => {
  const notes = new ReplayNotes();
  notes.withhold(0, 0);
  notes.applied(0, 1);
  notes.withhold(1, 0);
  notes.beginAfter(1);
  notes.applied(1, 11);
  notes.applied(2, 22);
  assert.deepEqual([notes.since, notes.timeMsOf(1), notes.timeMsOf(2)], [1, undefined, 22]);
  assert.equal(notes.wasWithheld(1, 0), false);
});
