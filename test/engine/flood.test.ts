// The lease under load, on virtual time: every queue of every node full, values of the largest size, a network and disks
// that take their time for each byte, and one voter dies on the way. As long as a majority lives the holder never loses the
// lease, not for one step. (Callers that insist on `route=local` everywhere fight, and may cost a short lease.) Tried, in
// committer.ts: renewals that wait behind the callers' queue; in forwards.ts: forwards without a window, a full node that is
// avoided, and impatience while the log goes on; each loses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import { UNITS_MAX } from '../../src/engine/proposals/committer.js';
import { Cluster } from '../faults/cluster.js';

const LEASE_MS = 1000;
const FLOOD_MS = 3 * LEASE_MS;
const VALUE_BYTES_MAX = 1024 * 1024;
const NETWORK_BYTES_PER_MS = 12_000;
const DISK_BYTES_PER_MS = 25_000;
const POUR_EVERY_MS = 100;

for (const [what, bytes, first, more] of [
  ['small values, more than every queue holds', 50, UNITS_MAX + 1000, 300],
  ['values of the largest size', VALUE_BYTES_MAX, 150, 3],
] as const) {
  test(`the lease is never lost under a flood of ${what}`, async () => {
    const cluster = await Cluster.start({
      leaseMs: LEASE_MS,
      valueBytesMax: VALUE_BYTES_MAX,
      letterMs: (size) => 0.5 + size / NETWORK_BYTES_PER_MS,
      saveMs: (size) => 1 + size / DISK_BYTES_PER_MS,
    });
    const { master, others } = cluster;
    const { version } = cluster.group(master).masterView();
    const value = { machine: 'log', encoding: 'base64', bytes: Buffer.alloc(bytes, 7) } as const;
    const told = new Map<string, number>();
    const count = (code: string) => told.set(code, (told.get(code) ?? 0) + 1);
    let sources = [master, ...others];
    const pour = (calls: number) => {
      for (const id of sources) {
        for (let call = 0; call < calls; call++) {
          cluster
            .group(id)
            .propose(value, { timeoutMs: FLOOD_MS })
            .then(
              () => count('done'),
              (error: unknown) => count(error instanceof PaxmeshError ? error.code : String(error)),
            );
        }
      }
    };
    pour(first);
    const started = cluster.time.now;
    for (let round = 1; round * POUR_EVERY_MS <= FLOOD_MS; round++) {
      await cluster.time.run(started + round * POUR_EVERY_MS, () => {
        const view = cluster.group(master).masterView();
        assert.ok(view.self && view.version === version, `lost ${cluster.time.now - started} ms into the flood`);
        return true;
      });
      if (round === 15) {
        const [, gone = ''] = others;
        cluster.kill(gone);
        sources = sources.filter((id) => id !== gone);
      }
      pour(more);
    }
    assert.ok((told.get('done') ?? 0) > 10, `${JSON.stringify([...told])}`);
    assert.ok((told.get('overloaded') ?? 0) > 0, 'the queues were full');
    const known = ['done', 'overloaded', 'proposal-timeout', 'draining'];
    assert.deepEqual(
      [...told.keys()].filter((code) => !known.includes(code)),
      [],
    );
  });
}
