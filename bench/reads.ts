// Reads over HTTP, each kind beside the others: local, lease at the master, linearizable at the master and at a follower, with
// 1 and 64 connections, on three nodes of this machine with the embedded store. Medians of interleaved rounds.
// `node dist/bench/reads.js [rounds]`
import { load } from './http-load.js';
import { Processes, startPaxmesh } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const DURATION_MS = 3000;
const KEY = '/v1/groups/main/kv/key';

const processes = new Processes();
try {
  const { urls, leader } = await startPaxmesh(processes, 'embedded');
  const master = urls[leader];
  const follower = urls[(leader + 1) % urls.length];
  if (master === undefined || follower === undefined) throw new Error('there is no cluster');
  await fetch(new URL(KEY, master), { method: 'PUT', body: 'x'.repeat(100) });
  await fetch(new URL(KEY, follower));
  const kinds = [
    ['local', follower, 'local'],
    ['lease, at the master', master, 'lease'],
    ['linearizable, at the master', master, 'linearizable'],
    ['linearizable, at a follower', follower, 'linearizable'],
  ] as const;
  for (const connections of [1, 64]) {
    const rates = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [kind, target, mode] of kinds) {
        const { perSecond, failures } = await load({
          targets: [target],
          connections,
          method: 'GET',
          path: `${KEY}?read=${mode}`,
          headers: {},
          body: '',
          status: 200,
          durationMs: DURATION_MS,
        });
        if (failures > 0) throw new Error(`${failures} reads failed`);
        rates.set(kind, [...(rates.get(kind) ?? []), perSecond]);
      }
    }
    for (const [kind, all] of rates) {
      all.sort((x, y) => x - y);
      const median = all[Math.floor(all.length / 2)] ?? Number.NaN;
      process.stdout.write(`${connections} connections, ${kind}: ${median.toFixed(0)} a second\n`);
    }
  }
} finally {
  await processes.end();
}
