// The check of LevelDB's write-ahead log: it must tell what a crash leaves from what a crash cannot explain.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { firstDefect } from '../../src/store/wal-check.js';

/** The log of `count` synced batches of about `bytes` each, as LevelDB writes it. */
async function walOf(count: number, bytes: number): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'paxmesh-wal-'));
  const db = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer', compression: false });
  await db.open();
  for (let i = 0; i < count; i++) {
    await db.put(`key ${i}`, Buffer.alloc(bytes, 1 + (i % 250)), { sync: true });
  }
  await db.close();
  const name = (await readdir(directory)).find((file) => file.endsWith('.log')) ?? '';
  const wal = await readFile(join(directory, name));
  await rm(directory, { recursive: true });
  return wal;
}

describe('the write-ahead log of LevelDB', () => {
  test('one as LevelDB writes it is in order, over many blocks and with values over several blocks', async () => {
    for (const [count, bytes] of [
      [1, 10],
      [2000, 100],
      [10, 100_000],
    ] as const) {
      assert.equal(firstDefect(await walOf(count, bytes)), null);
    }
    assert.equal(firstDefect(Buffer.alloc(0)), null);
  });

  test('a cut at any place is what a crash leaves', async () => {
    const wal = await walOf(3, 200);
    for (let end = 0; end < wal.length; end++) assert.equal(firstDefect(wal.subarray(0, end)), null, `cut at ${end}`);
  });

  test('a last record with sectors that never reached the disk is what a loss of power leaves', async () => {
    const wal = await walOf(3, 5000);
    wal.fill(0, 12_288, 12_800);
    assert.equal(firstDefect(wal), null);
    wal.fill(0, 12_288);
    assert.equal(firstDefect(wal), null);
  });

  test('any flipped byte is a defect, in the last record too', async () => {
    const wal = await walOf(4, 100);
    for (let at = 0; at < wal.length; at++) {
      const garbled = Buffer.from(wal);
      garbled[at] = (garbled[at] ?? 0) ^ 0x08;
      assert.notEqual(firstDefect(garbled), null, `byte ${at} of ${wal.length}`);
    }
  });

  test('a sector of nothing with records after it is a defect', async () => {
    const wal = await walOf(300, 100);
    wal.fill(0, 2048, 2560);
    assert.notEqual(firstDefect(wal), null);
  });

  test('a flipped byte in a log of several blocks is a defect wherever it is', async () => {
    const wal = await walOf(900, 100);
    for (let at = 11; at < wal.length; at += 997) {
      const garbled = Buffer.from(wal);
      garbled[at] = (garbled[at] ?? 0) ^ 0x80;
      assert.notEqual(firstDefect(garbled), null, `byte ${at} of ${wal.length}`);
    }
  });
});
