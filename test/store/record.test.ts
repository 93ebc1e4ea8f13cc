// The rows as bytes: what goes in comes out, and no single flipped byte, no cut, and no other place goes unnoticed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RecordWrite } from '../../src/core/effects.js';
import { groupKey, HEAD_KEY, logPrefix, parseKey, recordKey, variableKey } from '../../src/store/keys.js';
import {
  decodeGroupRow,
  decodeHead,
  decodeRecord,
  decodeVariable,
  encodeGroupRow,
  encodeHead,
  encodeRecord,
  encodeVariable,
  seeRecord,
} from '../../src/store/record.js';

const u53 = fc.oneof(fc.nat(300), fc.maxSafeNat());
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const ballot = fc.record({ round: u53, node: name }, { noNullPrototype: true });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const link = fc.option(u32);
const write: fc.Arbitrary<RecordWrite> = fc.record({
  type: fc.constant('record' as const),
  instance: u53,
  ballot,
  chosen: fc.boolean(),
  checksum: u32,
  value: fc.record({ id: text, bytes: fc.uint8Array({ maxLength: 400 }) }),
});

function placeOf(group: string, instance: number): Buffer {
  return recordKey(logPrefix(group), instance);
}

/** Every row the property may meet, with a decoder for its place. */
interface Sample {
  readonly row: Buffer;
  readonly decode: (row: Buffer) => unknown;
}

const samples: fc.Arbitrary<Sample> = fc.oneof(
  fc.tuple(name, write, link, u53).map(([group, given, linked, flush]) => {
    const place = placeOf(group, given.instance);
    const row = encodeRecord(place, given, linked, flush);
    return { row, decode: (other: Buffer) => decodeRecord(place, given.instance, other) ?? seeRecord(place, other) };
  }),
  fc.tuple(name, ballot, u53, u53, u32).map(([group, promised, flush, first, sum]) => {
    const place = groupKey(group);
    const last = Math.max(first - 1, 0);
    const row = { flush, promised, first, last, lastCrc: sum, lastLink: sum, variableSum: sum, voteLost: null };
    return { row: encodeGroupRow(place, row), decode: (other: Buffer) => decodeGroupRow(place, other) };
  }),
  fc.tuple(name, name, text, u53).map(([group, variable, json, flush]) => {
    const place = variableKey(group, variable);
    return { row: encodeVariable(place, json, flush), decode: (other: Buffer) => decodeVariable(place, other) };
  }),
  fc.tuple(u53, u53, u32, fc.boolean()).map(([epoch, flush, groupSum, groupsLost]) => {
    const row = encodeHead(HEAD_KEY, { epoch, flush, groupSum, groupsLost });
    return { row, decode: (other: Buffer) => decodeHead(HEAD_KEY, other) };
  }),
);

describe('rows as bytes', () => {
  test('a record comes back as it went in, with what the check of the log needs', () => {
    fc.assert(
      fc.property(name, write, link, u53, (group, given, linked, flush) => {
        const place = placeOf(group, given.instance);
        const row = encodeRecord(place, given, linked, flush);
        const { type: _type, ...content } = given;
        const back = decodeRecord(place, given.instance, row);
        assert.ok(back !== null);
        const { value, ...plain } = content;
        assert.deepEqual({ ...back, value: null }, { ...plain, value: null });
        assert.deepEqual([back.value.id, Uint8Array.from(back.value.bytes)], [value.id, value.bytes]);
        const seen = seeRecord(place, row);
        assert.deepEqual([seen?.flush, seen?.link], [flush, linked]);
      }),
      { numRuns: 500 },
    );
  });

  test('group rows, variables and the head come back as they went in', () => {
    fc.assert(
      fc.property(
        name,
        ballot,
        u53,
        u53,
        u32,
        link,
        fc.option(text),
        (group, promised, flush, last, sum, lastLink, lost) => {
          const row = {
            flush,
            promised,
            first: 3,
            last: last % 2 ? last - 1 : -1,
            lastCrc: sum,
            lastLink,
            variableSum: sum,
            voteLost: lost,
          };
          assert.deepEqual(decodeGroupRow(groupKey(group), encodeGroupRow(groupKey(group), row)), row);
          const head = { epoch: flush, flush: last, groupSum: sum, groupsLost: lost !== null };
          assert.deepEqual(decodeHead(HEAD_KEY, encodeHead(HEAD_KEY, head)), head);
          const place = variableKey(group, 'membership');
          assert.equal(decodeVariable(place, encodeVariable(place, lost ?? '', flush)), lost ?? '');
        },
      ),
    );
  });

  test('every flipped byte of every row is noticed', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 255 }), ({ row, decode }, mask) => {
        assert.notEqual(decode(row), null);
        for (let at = 0; at < row.length; at++) {
          const garbled = Buffer.from(row);
          garbled[at] = (garbled[at] ?? 0) ^ mask;
          assert.equal(decode(garbled), null, `byte ${at} of ${row.length}`);
        }
      }),
    );
  });

  test('every cut of every row is noticed', () => {
    fc.assert(
      fc.property(samples, ({ row, decode }) => {
        for (let end = 0; end < row.length; end++) assert.equal(decode(row.subarray(0, end)), null);
      }),
    );
  });

  test('a record found in another place, of another group or instance, is no record', () => {
    fc.assert(
      fc.property(name, name, write, u53, (group, other, given, instance) => {
        const row = encodeRecord(placeOf(group, given.instance), given, null, 1);
        if (instance !== given.instance) assert.equal(decodeRecord(placeOf(group, instance), instance, row), null);
        if (other !== group) assert.equal(decodeRecord(placeOf(other, given.instance), given.instance, row), null);
        assert.equal(decodeVariable(variableKey(group, 'x'), row), null);
      }),
    );
  });

  test('keys parse back, and sort as the instances do', () => {
    fc.assert(
      fc.property(name, u53, u53, text, (group, a, b, variable) => {
        assert.deepEqual(parseKey(placeOf(group, a)), { kind: 'log', group, name: '', instance: a });
        assert.equal(Math.sign(Buffer.compare(placeOf(group, a), placeOf(group, b))), Math.sign(a - b));
        assert.deepEqual(parseKey(groupKey(group)), { kind: 'group', group, name: '', instance: -1 });
        assert.equal(parseKey(variableKey(group, variable))?.name, variable);
      }),
    );
    assert.equal(parseKey(HEAD_KEY), null);
  });
});
