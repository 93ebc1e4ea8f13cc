import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareKeys, KeyOrder } from '../../src/machines/key-order.js';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** Around the surrogates, where UTF-16 and UTF-8 disagree, and long common beginnings. */
const key = fc
  .array(fc.constantFrom('a', 'b', '\u007f', '\u0080', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'), {
    maxLength: 4,
  })
  .map((characters) => characters.join(''));

test('keys compare as their UTF-8 bytes do, whatever characters they hold', () => {
  const sign = Math.sign;
  fc.assert(fc.property(key, key, (a, b) => assert.equal(sign(compareKeys(a, b)), sign(byBytes(a, b)))));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) =>
      assert.equal(sign(compareKeys(a, b)), sign(byBytes(a, b))),
    ),
  );
});

test('keys that come and go in any order are listed in the order of their bytes, from anywhere', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.boolean())), key, (steps, start) => {
      const order = new KeyOrder();
      const model = new Set<string>();
      for (const [name, add] of steps) {
        if (add && !model.has(name)) order.add(name);
        if (!add && model.has(name)) order.remove(name);
        if (add) model.add(name);
        else model.delete(name);
      }
      const expected = [...model].sort(byBytes).filter((name) => byBytes(name, start) >= 0);
      assert.deepEqual([...order.from(start)], expected);
    }),
  );
});

test('thousands of keys, most of which go again, are split and joined without losing one', () => {
  const order = new KeyOrder();
  const keys = Array.from({ length: 20_000 }, (_, number) => `k${(number * 7919) % 20_000}`);
  for (const name of keys) order.add(name);
  assert.deepEqual([...order.from('')], [...keys].sort(byBytes));
  const [kept, gone] = [keys.filter((_, at) => at % 50 === 0), keys.filter((_, at) => at % 50 !== 0)];
  for (const name of gone) order.remove(name);
  assert.deepEqual([...order.from('')], [...kept].sort(byBytes));
  for (const name of gone) order.add(name);
  assert.deepEqual([...order.from('k5')], keys.filter((name) => byBytes(name, 'k5') >= 0).sort(byBytes));
});
