// How long a whole node with a long log takes to start: `paxmesh serve` as the only member of its group, 1,000,000 kept
// instances with values of 100 bytes, from the start of the process to 200 of /readyz. The checkpoint is as far back as a node
// lets it get by itself, so that as much as possible is applied again. Medians of five, and what they are made of.
// `node dist/bench/start-node.js [instances] [embedded|redis]`
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootNode } from '../src/boot.js';
import { loadConfig } from '../src/config.js';
import type { RecordWrite } from '../src/core/effects.js';
import { chainOf } from '../src/engine/log/checksum.js';
import type { LogStore } from '../src/engine/log-store.js';
import { packBatch } from '../src/machines/batch.js';
import { createStore } from '../src/store/open-store.js';
import { cpuMs, freePorts, Processes, startNode } from './process.js';
import type { Marks, Step } from './start-marks.js';

const INSTANCES = Number(process.argv[2] ?? 1_000_000);
const KINDS = process.argv[3] === undefined ? ['embedded', 'redis'] : [process.argv[3]];
/** A node takes a checkpoint by itself every 25,000 instances; each start adds a few. */
const BEYOND_CHECKPOINT = Math.min(24_900, Math.floor(INSTANCES / 2));
const ROUNDS = 5;
const A_COMMIT = 1000;
const STEPS: readonly Step[] = ['open', 'checkpoint', 'load', 'replay'];
const MARKS = new URL('./start-marks.js', import.meta.url).href;
const bytes = Buffer.from(JSON.stringify({ text: 'x'.repeat(89) }));

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Goes on with the log of a node that does not run, as if it had committed all of this alone. */
async function append(store: LogStore, through: number): Promise<void> {
  const { epoch } = await store.open();
  const { last, promised } = await store.load('main');
  if (last === null) throw new Error('the store holds nothing');
  const origin = `a~bench.${epoch}`;
  let chain = last.checksum;
  for (let from = last.instance + 1; from <= through; from += A_COMMIT) {
    const writes: RecordWrite[] = [];
    for (let instance = from; instance <= Math.min(through, from + A_COMMIT - 1); instance++) {
      const id = { origin, sequence: instance };
      const command = { id, machine: 'log', encoding: 'json', bytes, key: null, ifMaster: null } as const;
      const value = { id: `${origin}/${instance}`, bytes: packBatch([command]) };
      chain = chainOf(chain, instance, value);
      writes.push({ type: 'record', instance, ballot: promised, chosen: true, checksum: chain, value });
    }
    await store.commit([{ group: 'main', writes }]);
  }
  await store.close();
}

async function untilTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** As this process: founds the group where there is none, applies what is there and writes a checkpoint of it. */
async function checkpoint(settings: NodeJS.ProcessEnv): Promise<void> {
  const fatal = (error: unknown): never => {
    throw error;
  };
  const { node, close } = await bootNode(loadConfig(settings), { fatal });
  await untilTrue(() => node.ready().every(({ ok }) => ok));
  const group = node.group('main');
  if (group === undefined) throw new Error('there is no group');
  await group.propose({ machine: 'log', encoding: 'json', bytes });
  await group.takeCheckpoint();
  await close();
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL('/readyz', url))).ok;
  } catch {
    return false;
  }
}

interface Round {
  readonly ready: number;
  /** Processor time of the node until then, all its threads. */
  readonly cpu: number;
  readonly marks: Marks;
}

async function start(processes: Processes, settings: NodeJS.ProcessEnv, url: string): Promise<Round> {
  const file = join(processes.directory, 'marks.json');
  const began = performance.now();
  const child = startNode(processes, { ...settings, NODE_OPTIONS: `--import ${MARKS}`, START_MARKS: file });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await untilTrue(() => {
    if (child.exitCode !== null) throw new Error('the node did not start');
    return isReady(url);
  });
  const ready = performance.now() - began;
  const cpu = cpuMs([child]);
  child.kill('SIGTERM');
  await ended;
  return { ready, cpu, marks: JSON.parse(readFileSync(file, 'utf8')) as Marks };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function measure(processes: Processes, storeSetting: string): Promise<void> {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    PAXMESH_NODE: 'a',
    PAXMESH_LISTEN: `127.0.0.1:${port}`,
    PAXMESH_MEMBERS: `a=${url}`,
    PAXMESH_STORE: storeSetting,
    PAXMESH_LOG_LEVEL: 'warn',
  };
  const store = () => createStore(storeSetting, { node: 'a' });
  await checkpoint(settings);
  const empty: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) empty.push(await start(processes, settings, url));
  print(`  with nearly nothing in the store: ${inWords(empty)}`);
  await append(await store(), INSTANCES - BEYOND_CHECKPOINT);
  await checkpoint(settings);
  const behind: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) behind.push(await start(processes, settings, url));
  print(`  ${INSTANCES - BEYOND_CHECKPOINT} instances, right behind a checkpoint: ${inWords(behind)}`);
  await append(await store(), INSTANCES);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await start(processes, settings, url));
  print(`  ${INSTANCES} instances, ${BEYOND_CHECKPOINT} of them beyond the checkpoint: ${inWords(rounds)}`);
}

function inWords(rounds: readonly Round[]): string {
  const spent = (step: Step) =>
    median(rounds.map(({ marks }) => (marks[step]?.to ?? NaN) - (marks[step]?.from ?? NaN)));
  const at = (pick: (marks: Marks) => number | undefined) => median(rounds.map(({ marks }) => pick(marks) ?? NaN));
  const all = rounds.map(({ ready }) => ready).sort((a, b) => a - b);
  const parts = [
    `modules and settings ${at((marks) => marks.open?.from).toFixed(0)}`,
    ...STEPS.map((step) => `${step} ${spent(step).toFixed(0)}`),
    `edge ${at((marks) => (marks.start?.from ?? NaN) - (marks.open?.to ?? NaN)).toFixed(0)}`,
    `from started to ready ${(median(all) - at((marks) => marks.start?.to)).toFixed(0)}`,
  ];
  const range = `${all[0]?.toFixed(0)} to ${all.at(-1)?.toFixed(0)}, processor ${median(rounds.map(({ cpu }) => cpu)).toFixed(0)}`;
  return `ready after ${median(all).toFixed(0)} ms (${range}): ${parts.join(', ')}`;
}

const processes = new Processes();
try {
  if (KINDS.includes('embedded')) {
    print('embedded');
    await measure(processes, `embedded:${join(processes.directory, 'store')}`);
  }
  if (KINDS.includes('redis')) {
    const [port = 0] = await freePorts(1);
    const directory = join(processes.directory, 'redis');
    mkdirSync(directory);
    const safe = ['--appendonly', 'yes', '--appendfsync', 'always', '--aof-load-truncated', 'no', '--save', ''];
    const where = ['--port', String(port), '--dir', directory, '--maxmemory-policy', 'noeviction'];
    processes.start('redis-server', [...where, ...safe]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    print('redis');
    await measure(processes, `redis://127.0.0.1:${port}`);
  }
} finally {
  await processes.end();
}
