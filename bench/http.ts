// Commits over HTTP: three Paxmesh nodes (embedded store, and Redis when there is one) against bare Fastify and, when it is
// installed, three etcd nodes behind its HTTP gateway. 100-byte values, every commit synced; contestants take turns within
// each round, and the medians over the rounds are printed. `node dist/bench/http.js [rounds] [seconds]`
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type LoadOptions, type LoadResult, load } from './http-load.js';
import { type Cluster, cpuMs, freePorts, Processes, startEtcd, startPaxmesh, until } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const DURATION_MS = Number(process.argv[3] ?? 3) * 1000;
const CONNECTIONS = [1, 64, 256];
/** Long enough for a just-in-time compiler to have seen each path often, at one connection too. */
const WARM_UP_MS = 6000;
const VALUE = JSON.stringify({ text: 'x'.repeat(89) });

interface Contestant {
  readonly name: string;
  readonly cluster: Cluster;
  readonly request: Pick<LoadOptions, 'path' | 'headers' | 'body' | 'status'>;
}

interface Measured extends LoadResult {
  readonly cpuMsPer10k: number;
}

const has = (command: string) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

const proposal = {
  path: '/v1/groups/main/proposals',
  headers: { 'content-type': 'application/json' },
  body: VALUE,
  status: 201,
};
const processes = new Processes();
try {
  const contestants: Contestant[] = [
    { name: 'bare fastify', cluster: await startBare(), request: proposal },
    { name: 'paxmesh embedded', cluster: await startPaxmesh(processes, 'embedded'), request: proposal },
  ];
  if (has('redis-server')) {
    contestants.push({ name: 'paxmesh redis', cluster: await startPaxmesh(processes, 'redis'), request: proposal });
  }
  if (has('etcd')) {
    const key = Buffer.from('bench').toString('base64');
    const body = JSON.stringify({ key, value: Buffer.from('x'.repeat(100)).toString('base64') });
    const put = { path: '/v3/kv/put', headers: { 'content-type': 'application/json' }, body, status: 200 };
    contestants.push({ name: 'etcd', cluster: await startEtcd(processes), request: put });
  } else print('etcd is not installed: not compared');
  for (const connections of CONNECTIONS) await compare(contestants, connections);
} finally {
  await processes.end();
}

async function compare(contestants: readonly Contestant[], connections: number): Promise<void> {
  const results = new Map<string, Measured[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { name, cluster, request } of contestants) {
      const target = cluster.urls[cluster.leader];
      if (target === undefined) throw new RangeError('no leader');
      const before = cpuMs(cluster.children);
      const durationMs = round === 0 ? WARM_UP_MS : DURATION_MS;
      const result = await load({ ...request, targets: [target], connections, durationMs });
      const cpuMsPer10k = ((cpuMs(cluster.children) - before) / result.count) * 10_000;
      // The first round warms up.
      if (round > 0) results.get(name)?.push({ ...result, cpuMsPer10k });
    }
  }
  const reference = median(results.get('etcd')?.map(({ perSecond }) => perSecond) ?? []);
  print(`\n${connections} connection${connections === 1 ? '' : 's'}, median of ${ROUNDS}`);
  for (const [name, list] of results) {
    const of = (pick: (result: Measured) => number) => median(list.map(pick));
    const rate = of((r) => r.perSecond);
    const ratio = Number.isNaN(reference) ? '' : `  ${(rate / reference).toFixed(2)} x etcd`;
    const latency = `p50 ${of((r) => r.p50Ms).toFixed(2)} ms  p99 ${of((r) => r.p99Ms).toFixed(2)} ms`;
    const failures = list.reduce((sum, r) => sum + r.failures, 0);
    print(
      `  ${name.padEnd(18)} ${rate.toFixed(0).padStart(7)}/s  ${latency}  cpu ${of((r) => r.cpuMsPer10k).toFixed(0)} ms/10k` +
        `  failed ${failures}${ratio}`,
    );
  }
}

async function startBare(): Promise<Cluster> {
  const [port] = await freePorts(1);
  const child = processes.start(process.execPath, [
    fileURLToPath(new URL('./bare-server.js', import.meta.url)),
    String(port),
  ]);
  const url = new URL(`http://127.0.0.1:${port}`);
  await until(async () => ((await fetch(url).catch(() => null)) === null ? null : true));
  return { urls: [url], children: [child], leader: 0 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
