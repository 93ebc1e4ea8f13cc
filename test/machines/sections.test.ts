import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSections, SnapshotDamaged, writeSections } from '../../src/machines/sections.js';

async function joined(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size: number): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const { name, parts } of readSections(cut(bytes, size)))
    found.push([name, (await joined(parts)).toString()]);
  return found;
}

const sections = fc.array(
  fc.record({
    name: fc.string({ maxLength: 20 }),
    parts: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
  }),
  { maxLength: 5 },
);

test('what was written is read, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(sections, fc.integer({ min: 1, max: 200 }), async (written, size) => {
      const bytes = await joined(writeSections(written));
      const found: [string, Buffer][] = [];
      for await (const { name, parts } of readSections(cut(bytes, size))) found.push([name, await joined(parts)]);
      assert.deepEqual(
        found,
        written.map(({ name, parts }) => [name, Buffer.concat(parts)]),
      );
    }),
    { numRuns: 100 },
  );
});

const two = () => [
  { name: 'one', parts: [Buffer.from('first'), Buffer.from('second')] },
  { name: 'two', parts: [Buffer.alloc(200_000, 7)] },
];

test('a section that nobody reads is checked and passed over', async () => {
  const names: string[] = [];
  for await (const { name } of readSections(writeSections(two()))) names.push(name);
  assert.deepEqual(names, ['one', 'two']);
});

test('a reader that stops in the midst of a section does not harm the next', async () => {
  const found: string[] = [];
  for await (const { name, parts } of readSections(writeSections(two()))) {
    for await (const part of parts) {
      found.push(`${name} ${part.length}`);
      break;
    }
  }
  assert.deepEqual(found, ['one 5', 'two 65536']);
});

test('every flipped byte and every cut is found out', async () => {
  const bytes = await joined(writeSections([{ name: 'kv', parts: [Buffer.from('a value'), Buffer.from('another')] }]));
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    // A name is not summed: it shows as a section that nobody knows.
    const inName = at >= 5 && at < 7;
    if (inName) assert.notEqual((await read(flipped, 64))[0]?.[0], 'kv');
    else await assert.rejects(read(flipped, 64), SnapshotDamaged, `byte ${at}`);
    await assert.rejects(read(bytes.subarray(0, at), 64), SnapshotDamaged, `cut at ${at}`);
  }
  await assert.rejects(read(Buffer.concat([bytes, bytes]), 64), /after the end/);
});
