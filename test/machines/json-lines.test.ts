import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLines, writeLines } from '../../src/machines/json-lines.js';
import { SnapshotDamaged } from '../../src/machines/sections.js';

async function read(bytes: Uint8Array, size: number): Promise<unknown[]> {
  const rows: unknown[] = [];
  const cut = async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  for await (const row of readLines(cut())) rows.push(row);
  return rows;
}

test('rows come back as they were, however the bytes are cut, through the midst of a letter too', async () => {
  const rows = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant('ü€\n'.repeat(40))));
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 50 }), async (written, size) => {
      assert.deepEqual(await read(Buffer.concat([...writeLines(written)]), size), written);
    }),
  );
});

test('what is no row, or has no end, is damage', async () => {
  await assert.rejects(read(Buffer.from('1\n2'), 10), SnapshotDamaged);
  await assert.rejects(read(Buffer.from('1\n{\n'), 10), SnapshotDamaged);
  await assert.rejects(read(Buffer.from([0x22, 0xff, 0x22, 0x0a]), 10), SnapshotDamaged);
});
