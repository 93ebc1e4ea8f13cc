import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BatchError, MEMBERSHIP, packBatch, touchesMembership, unpackBatch } from '../../src/machines/batch.js';
import type { Command } from '../../src/machines/command.js';

const id53 = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const anyCommand: fc.Arbitrary<Command> = fc.record({
  id: fc.record({ origin: fc.string({ maxLength: 20 }), sequence: id53 }),
  machine: fc.constantFrom('log', 'kv', MEMBERSHIP),
  encoding: fc.constantFrom('json' as const, 'utf8' as const, 'base64' as const),
  bytes: fc.uint8Array({ maxLength: 300 }),
  key: fc.option(fc.string({ maxLength: 30, unit: 'binary' })),
  ifMaster: fc.option(id53),
});

const plain = (commands: readonly Command[]) =>
  commands.map((one) => ({ ...one, id: { ...one.id }, bytes: [...one.bytes] }));

test('a batch comes back as it was packed', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 20 }), (commands) => {
      assert.deepEqual(plain(unpackBatch(packBatch(commands))), plain(commands));
    }),
  );
});

test('a batch cut short anywhere is refused with a BatchError and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(anyCommand, { minLength: 1, maxLength: 5 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (commands, share) => {
        const whole = packBatch(commands);
        const cut = whole.subarray(0, Math.min(whole.length - 1, Math.floor(whole.length * share)));
        assert.throws(() => unpackBatch(cut), BatchError);
      },
    ),
  );
});

test('arbitrary bytes never do more than throw a BatchError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        unpackBatch(Uint8Array.from([1, ...bytes]));
      } catch (error) {
        assert.ok(error instanceof BatchError, String(error));
      }
    }),
  );
});

test('whether a membership command is inside shows without unpacking', () => {
  const of = (machine: string): Command => {
    return {
      id: { origin: 'a', sequence: 0 },
      machine,
      encoding: 'json',
      bytes: Buffer.from('{}'),
      key: null,
      ifMaster: null,
    };
  };
  assert.equal(touchesMembership(packBatch([of('log'), of(MEMBERSHIP)])), true);
  assert.equal(touchesMembership(packBatch([of('log')])), false);
  assert.equal(touchesMembership(new Uint8Array()), false);
});

test('a 100-byte command costs at most 16 bytes more among others', () => {
  const commands = Array.from({ length: 100 }, (_, sequence): Command => {
    const id = { origin: 'a~1.abcdefg', sequence: 1_000_000 + sequence };
    return { id, machine: 'log', encoding: 'json', bytes: new Uint8Array(100), key: null, ifMaster: null };
  });
  assert.ok(packBatch(commands).length <= 100 * 116);
});
