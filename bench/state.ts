// What state costs, in one process on virtual peers: a group of one node on the embedded store with many keys. How long the
// state is held for a checkpoint (proposals wait as long), how long it takes to write, to read again at a start until the node
// is ready, and to be put in place by a second node that has nothing.
// `node dist/bench/state.js [keys]`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BootedNode, bootNode } from '../src/boot.js';
import { loadConfig } from '../src/config.js';
import type { GroupFace } from '../src/engine/face.js';
import { freePorts } from './process.js';
import { Rows, ShadowedRows } from './rows-machine.js';

const KEYS = Number(process.argv[2] ?? 1_000_000);
const KIND = process.argv[3] ?? 'kv';
const MACHINE = KIND === 'kv' ? 'kv' : 'rows';
const BATCH = 2000;
/** Overwritten between the first checkpoint and the second. */
const LATER_KEYS = Math.min(KEYS, 100_000);
const VALUE = 'x'.repeat(100);
const directory = mkdtempSync(join(tmpdir(), 'paxmesh-bench-'));
const [one = 0, two = 0] = await freePorts(2);

async function boot(name: string, port: number, members: string, seeds = ''): Promise<BootedNode> {
  const config = loadConfig({
    PAXMESH_NODE: name,
    PAXMESH_LISTEN: `127.0.0.1:${port}`,
    PAXMESH_STORE: `embedded:${join(directory, name)}`,
    PAXMESH_LOG_LEVEL: 'fatal',
    ...(members === '' ? {} : { PAXMESH_MEMBERS: members }),
    ...(seeds === '' ? {} : { PAXMESH_SEEDS: seeds }),
  });
  const fatal = (error: unknown) => {
    throw error;
  };
  const machines = () => (KIND === 'kv' ? [] : [KIND === 'shadow' ? new ShadowedRows() : new Rows()]);
  return bootNode(config, { fatal, machines, loggerOptions: { level: 'fatal' } });
}

async function put(into: GroupFace, keys: number, value: string): Promise<void> {
  for (let from = 0; from < keys; from += BATCH) {
    const commands = Array.from({ length: Math.min(BATCH, keys - from) }, (_, i) => {
      const order = { op: 'put', key: `key-${from + i}`, contentType: 'text/plain', encoding: 'utf8', value };
      return { machine: MACHINE, encoding: 'json' as const, bytes: Buffer.from(JSON.stringify(order)) };
    });
    await into.proposeBatch(commands, { timeoutMs: 60_000 });
  }
}

async function takeWatched(of: GroupFace, what: string): Promise<void> {
  let longest = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 1);
    last = performance.now();
  }, 1);
  const began = performance.now();
  const { bytes } = await of.takeCheckpoint();
  clearInterval(watch);
  longest = Math.max(longest, performance.now() - last - 1);
  say(`${what} of ${(bytes / 2 ** 20).toFixed(0)} MiB taken`, began);
  process.stdout.write(`longest the event loop stood still meanwhile: ${longest.toFixed(0)} ms\n`);
}

function say(what: string, since: number): void {
  process.stdout.write(`${what}: ${(performance.now() - since).toFixed(0)} ms\n`);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const founder = `a=http://127.0.0.1:${one}`;
let a = await boot('a', one, founder);
let group = a.node.group('main');
if (group === undefined) throw new Error('there is no group');
await until(() => a.node.ready().every(({ ok }) => ok));
await put(group, KEYS, VALUE);
process.stdout.write(`${KEYS} keys of ${VALUE.length} bytes in ${KIND === 'kv' ? 'kv' : `a machine, ${KIND}`}\n`);
await takeWatched(group, 'checkpoint');
await put(group, LATER_KEYS, VALUE.toUpperCase());
await takeWatched(group, `after ${LATER_KEYS} more puts, checkpoint`);

await a.close();
let since = performance.now();
a = await boot('a', one, founder);
await until(() => a.node.ready().every(({ ok }) => ok));
say('started again, from start to ready', since);

group = a.node.group('main');
if (group === undefined) throw new Error('there is no group');
await group.setRetention({ keepInstances: 300 });
for (let i = 0; i < 400; i++) await group.propose({ machine: 'log', encoding: 'utf8', bytes: Buffer.from('x') });
const trimmed = group;
await until(() => trimmed.firstKept > 0);
const b = await boot('b', two, '', `http://127.0.0.1:${one}`);
since = performance.now();
await group.addMember({ id: 'b', url: `http://127.0.0.1:${two}` });
await until(() => (b.node.group('main')?.applied ?? -1) >= trimmed.applied);
say('fetched and put in place by a second node', since);
await b.close();
await a.close();
rmSync(directory, { recursive: true, force: true });
