// What a long log costs: 1,000,000 kept instances with values of 100 bytes. How long a store takes to open and load when a
// checkpoint vouches for all but the newest 1,000 records, and when nothing does; what it takes on disk and, in Redis, in
// memory; and what a trim of all but 1,000 gives back. `node dist/bench/start-up.js [instances] [embedded|redis]`
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RecordWrite } from '../src/core/effects.js';
import type { InstanceId } from '../src/core/ids.js';
import type { LogStore } from '../src/engine/log-store.js';
import { createStore } from '../src/store/open-store.js';
import { freePorts, Processes, until } from './process.js';

const INSTANCES = Number(process.argv[2] ?? 1_000_000);
const KINDS = process.argv[3] === undefined ? ['embedded', 'redis'] : [process.argv[3]];
const BEYOND_CHECKPOINT = 1000;
const A_COMMIT = 1000;
const bytes = Buffer.from(JSON.stringify({ text: 'x'.repeat(89) }));

function recordOf(instance: InstanceId): RecordWrite {
  const value = { id: `node-a~1/${instance}`, bytes };
  return { type: 'record', instance, ballot: { round: 7, node: 'node-a' }, chosen: false, checksum: instance, value };
}

async function fill(store: LogStore): Promise<void> {
  for (let from = 0; from < INSTANCES; from += A_COMMIT) {
    const count = Math.min(A_COMMIT, INSTANCES - from);
    const writes = Array.from({ length: count }, (_, index) => recordOf(from + index));
    await store.commit([{ group: 'main', writes }]);
  }
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const each = (total: number): string => `${(total / INSTANCES).toFixed(0)} bytes per instance`;

/** A start as a node makes it: open, variables, load from `from`. Three times; the median. */
async function startUp(make: () => Promise<LogStore>, from: InstanceId): Promise<string> {
  const rounds: { open: number; load: number }[] = [];
  for (let round = 0; round < 3; round++) {
    const store = await make();
    const start = performance.now();
    await store.open();
    const opened = performance.now();
    await store.variables('main');
    const { damage, last } = await store.load('main', from);
    rounds.push({ open: opened - start, load: performance.now() - opened });
    if (damage.length > 0 || last?.instance !== INSTANCES - 1) throw new Error('the store is not what was written');
    await store.close();
  }
  const [, median] = rounds.sort((a, b) => a.open + a.load - b.open - b.load);
  return `open ${median?.open.toFixed(0)} ms, load ${median?.load.toFixed(0)} ms`;
}

function directoryBytes(directory: string): number {
  let total = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // LevelDB clears up behind itself meanwhile.
    total += entry.isFile() ? (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0;
  }
  return total;
}

async function measure(make: () => Promise<LogStore>, sizes: () => Promise<string>): Promise<void> {
  const store = await make();
  await store.open();
  const start = performance.now();
  await fill(store);
  print(`  written in ${((performance.now() - start) / 1000).toFixed(1)} s: ${await sizes()}`);
  await store.close();
  print(`  start behind a checkpoint: ${await startUp(make, INSTANCES - BEYOND_CHECKPOINT)}`);
  print(`  start without one:         ${await startUp(make, 0)}`);
  const last = await make();
  await last.open();
  const trimming = performance.now();
  await last.trim('main', INSTANCES - BEYOND_CHECKPOINT);
  print(`  all but ${BEYOND_CHECKPOINT} trimmed in ${(performance.now() - trimming).toFixed(0)} ms: ${await sizes()}`);
  await last.close();
  print(`  after that: ${await startUp(make, INSTANCES - BEYOND_CHECKPOINT)}; ${await sizes()}`);
}

const processes = new Processes();
try {
  if (KINDS.includes('embedded')) {
    const directory = join(processes.directory, 'store');
    print(`embedded, ${INSTANCES} instances`);
    await measure(
      () => createStore(`embedded:${directory}`, { node: 'a' }),
      async () => {
        const total = directoryBytes(directory);
        return `${(total / 2 ** 20).toFixed(1)} MiB on disk, ${each(total)}`;
      },
    );
  }
  if (KINDS.includes('redis')) {
    const [port = 0] = await freePorts(1);
    const safe = ['--appendonly', 'yes', '--appendfsync', 'always', '--aof-load-truncated', 'no', '--save', ''];
    processes.start('redis-server', ['--port', String(port), '--maxmemory-policy', 'noeviction', ...safe]);
    const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
    redis.on('error', () => {});
    await until(async () => ((await redis.ping()) === 'PONG' ? true : null));
    const factOf = async (name: string): Promise<number> =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info())?.[1]);
    const empty = await factOf('used_memory');
    print(`redis, ${INSTANCES} instances`);
    await measure(
      () => createStore(`redis://127.0.0.1:${port}`, { node: 'a' }),
      async () => {
        const [used, file] = [(await factOf('used_memory')) - empty, await factOf('aof_current_size')];
        return `${(used / 2 ** 20).toFixed(1)} MiB in memory, ${each(used)}; ${(file / 2 ** 20).toFixed(1)} MiB of file`;
      },
    );
    redis.disconnect();
  }
} finally {
  await processes.end();
}
