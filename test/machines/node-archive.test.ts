// The container of a backup: read back as written, and refused wherever it was cut or changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ArchiveHeader, readArchive, writeArchive } from '../../src/machines/node-archive.js';
import { SnapshotDamaged, writeSections } from '../../src/machines/sections.js';

async function* streamOf(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function headerOf(...names: readonly string[]): ArchiveHeader {
  const groups = names.map((group) => ({ group, gid: 'g', instanceId: 7, chain: '0000abcd', machines: ['kv'] }));
  return { format: 1, paxmesh: '0.0.0', node: 'a', takenAt: '2026-01-01T00:00:00.000Z', groups };
}

const whole = () => {
  return collect(
    writeArchive(headerOf('main', 'orders'), [streamOf(Buffer.from('one')), streamOf(Buffer.from('two'))]),
  );
};

async function read(bytes: Uint8Array): Promise<{ header: ArchiveHeader; groups: [string, string][] }> {
  const { header, groups } = await readArchive(streamOf(bytes));
  const found: [string, string][] = [];
  for await (const { name, parts } of groups) found.push([name, (await collect(parts)).toString()]);
  return { header, groups: found };
}

test('an archive is read back as it was written', async () => {
  assert.deepEqual(await read(await whole()), {
    header: headerOf('main', 'orders'),
    groups: [
      ['main', 'one'],
      ['orders', 'two'],
    ],
  });
});

test('it is refused wherever it was cut, and wherever a bit was flipped', async () => {
  const bytes = await whole();
  for (let at = 0; at < bytes.length; at++) {
    await assert.rejects(read(bytes.subarray(0, at)), SnapshotDamaged, `cut at ${at}`);
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    // A section's name has no sum of its own, but it is known from the header.
    await assert.rejects(read(flipped), SnapshotDamaged, `flipped at ${at}`);
  }
  await assert.rejects(read(Buffer.concat([bytes, Buffer.from([0])])), SnapshotDamaged, 'more after the end');
});

test('what is no backup, or one that this version does not know, is refused by its header', async () => {
  const refused = async (header: unknown, line: RegExp, name = 'paxmesh-backup') => {
    const bytes = await collect(writeSections([{ name, parts: [Buffer.from(JSON.stringify(header))] }]));
    await assert.rejects(read(bytes), (error) => error instanceof SnapshotDamaged && line.test(error.message));
  };
  await refused(headerOf(), /not a backup/, 'something-else');
  await refused({ ...headerOf(), format: 2 }, /it has format 2; this version reads 1/);
  await refused(null, /format/);
  await refused({ ...headerOf(), groups: [{ group: 'main' }] }, /does not list its groups/);
  await refused(headerOf('main', 'main'), /lists a group twice/);
  await refused(headerOf('main'), /main is missing/);
});
