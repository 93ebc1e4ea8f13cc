// Commits in process: `group.propose` with 1, 100 and 1,000 callers on the master, whose node runs in this process; the two
// other nodes are processes of their own. 100-byte values, embedded store, every commit synced.
// `node dist/bench/engine.js [rounds] [seconds]`
import { join } from 'node:path';
import { bootNode } from '../src/boot.js';
import { loadConfig } from '../src/config.js';
import { cpuMs, freePorts, Processes, startNode, until } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const DURATION_MS = Number(process.argv[3] ?? 3) * 1000;
const value = Buffer.from(JSON.stringify({ text: 'x'.repeat(89) }));

const processes = new Processes();
const ports = await freePorts(3);
const members = ['a', 'b', 'c'].map((id, place) => `${id}=http://127.0.0.1:${ports[place]}`).join(',');
const settingsOf = (id: string, place: number): NodeJS.ProcessEnv => ({
  PAXMESH_NODE: id,
  PAXMESH_LISTEN: `127.0.0.1:${ports[place]}`,
  PAXMESH_MEMBERS: members,
  PAXMESH_STORE: `embedded:${join(processes.directory, id)}`,
  PAXMESH_LOG_LEVEL: 'warn',
});
const fatal = (error: unknown): never => {
  throw error;
};
const booted = await bootNode(loadConfig(settingsOf('a', 0)), { fatal });
const others = [startNode(processes, settingsOf('b', 1)), startNode(processes, settingsOf('c', 2))];
try {
  const group = booted.node.group('main');
  if (group === undefined) throw new Error('no group main');
  await until(async () => (group.masterView().node === null ? null : true));
  // Whoever took it: what is measured is the way of the master's own callers.
  await group.transferMaster('a');
  for (const callers of [1, 100, 1000]) {
    const rounds: { rate: number; p50: number; p99: number; cpu: number }[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const latencies: number[] = [];
      const before = cpuMs([{ pid: process.pid }, ...others]);
      const start = performance.now();
      const end = start + (round === 0 ? 1000 : DURATION_MS);
      await Promise.all(
        Array.from({ length: callers }, async () => {
          for (let at = performance.now(); at < end; ) {
            await group.propose({ machine: 'log', encoding: 'json', bytes: value });
            const now = performance.now();
            latencies.push(now - at);
            at = now;
          }
        }),
      );
      const seconds = (performance.now() - start) / 1000;
      const sorted = Float64Array.from(latencies).sort();
      const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
      const cpu = ((cpuMs([{ pid: process.pid }, ...others]) - before) / sorted.length) * 10_000;
      if (round > 0) rounds.push({ rate: sorted.length / seconds, p50: at(0.5), p99: at(0.99), cpu });
    }
    const median = (pick: (round: (typeof rounds)[number]) => number) => {
      const sorted = rounds.map(pick).sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    };
    const latency = `p50 ${median((r) => r.p50).toFixed(2)} ms  p99 ${median((r) => r.p99).toFixed(2)} ms`;
    process.stdout.write(
      `${String(callers).padStart(5)} callers  ${median((r) => r.rate)
        .toFixed(0)
        .padStart(7)} commits/s  ${latency}` + `  cpu ${median((r) => r.cpu).toFixed(0)} ms/10k\n`,
    );
  }
} finally {
  await booted.close();
  await processes.end();
}
