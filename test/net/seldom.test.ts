import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TraceNote } from '../../src/engine/ports.js';
import { COMPLAIN_EVERY_MS } from '../../src/net/limits.js';
import { Seldom } from '../../src/net/seldom.js';

const note: TraceNote = { name: 'x', level: 'warn', facts: { who: 'me' } };

describe('seldom', () => {
  test('passes the first of a kind, holds the rest back for a while, then says how many they were', (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    const passed: TraceNote[] = [];
    const seldom = new Seldom((one) => passed.push(one));
    for (nowMs = 0; nowMs < COMPLAIN_EVERY_MS; nowMs += 1000) seldom.note('kind', note);
    assert.deepEqual(passed, [note]);
    seldom.note('other kind', note);
    assert.equal(passed.length, 2);
    seldom.note('kind', note);
    assert.deepEqual(passed.at(-1)?.facts, { who: 'me', heldBack: COMPLAIN_EVERY_MS / 1000 - 1 });
  });

  test('remembers a bounded number of kinds', (t) => {
    t.mock.method(performance, 'now', () => 0);
    let passed = 0;
    const seldom = new Seldom(() => passed++);
    for (let i = 0; i < 1000; i++) seldom.note(`kind ${i}`, note);
    seldom.note('kind 999', note);
    assert.equal(passed, 1000);
    seldom.note('kind 0', note);
    assert.equal(passed, 1001);
  });
});
