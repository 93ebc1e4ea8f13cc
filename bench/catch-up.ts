// How fast members that are 100,000 instances behind become level while the cluster serves load, and what that costs the
// others. Three voters and two observers, embedded store, every commit synced. The stores are made once: a voter and both
// observers are down while one connection commits value after value, so each stands in an instance of its own. Each round
// works on copies: two voters serve `CONNECTIONS` clients before, while and after one, two and three members come back; and
// once for the bare rate nobody is served. Where `taskset` is, the learners have the last core of the machine to themselves
// and everything else has the others: members on one core take each other's turns, which says nothing about teaching.
// `node dist/bench/catch-up.js [rounds] [instances]`
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type LoadOptions, type LoadResult, load } from './http-load.js';
import { cpuMs, freePorts, Processes, startNode, until } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const BEHIND = Number(process.argv[3] ?? 100_000);
const CONNECTIONS = 16;
/** Counted, not timed: on a busy machine a just-in-time compiler sees little in a second. */
const WARM_UP_COMMITS = 30_000;
const STEADY_MS = 4000;
/** For what ends by itself. */
const LIMIT_MS = 3_600_000;
const VALUE = JSON.stringify({ text: 'x'.repeat(89) });

const VOTERS = ['a', 'b', 'c'];
const ABSENT = ['c', 'd', 'e'];
const IDS = [...VOTERS, 'd', 'e'];
const ports = await freePorts(IDS.length);
const urlOf = new Map(IDS.map((id, place) => [id, new URL(`http://127.0.0.1:${ports[place]}`)]));
const members = VOTERS.map((id) => `${id}=${url(id).origin}`).join(',');

const LAST_CORE = availableParallelism() - 1;
/** All processes that are started later inherit what this one may use. */
const HAS_OWN_CORE =
  LAST_CORE > 0 && spawnSync('taskset', ['-acp', `0-${LAST_CORE - 1}`, String(process.pid)]).status === 0;

interface Round {
  readonly phases: { readonly before: LoadResult; readonly during: LoadResult; readonly after: LoadResult };
  /** From the first answer of all learners to the moment when all are ready. */
  readonly levelMs: number;
  readonly learned: number;
  /** Processor time in that while. */
  readonly learnersCpuMs: number;
  readonly othersCpuMs: number;
}

print(HAS_OWN_CORE ? `the learners have core ${LAST_CORE} to themselves` : 'all share all cores');
const made = new Processes();
try {
  await make();
  await compare(1, false);
  for (let absent = 1; absent <= ABSENT.length; absent++) await compare(absent, true);
} finally {
  await made.end();
}

async function compare(absent: number, isServing: boolean): Promise<void> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(ABSENT.slice(0, absent), isServing));
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  const who = absent === 1 ? 'one member' : `${absent} members at once`;
  print(`\n${who}, ${BEHIND} instances behind, ${isServing ? 'under load' : 'idle'}, median of ${ROUNDS}`);
  print(
    `  level after ${(of(({ levelMs }) => levelMs) / 1000).toFixed(2)} s: ` +
      `${of(({ learned, levelMs }) => (learned / levelMs) * 1000).toFixed(0)} instances/s, ` +
      `${of(({ learned, levelMs }) => (learned * VALUE.length * 1000) / levelMs / 2 ** 20).toFixed(1)} MiB/s of values each; ` +
      `cpu of a learner ${of(({ learnersCpuMs }) => learnersCpuMs / absent).toFixed(0)} ms, ` +
      `of the two others ${of(({ othersCpuMs }) => othersCpuMs).toFixed(0)} ms`,
  );
  for (const name of isServing ? (['before', 'during', 'after'] as const) : []) {
    const line = (pick: (phase: LoadResult) => number, digits: number) =>
      of(({ phases }) => pick(phases[name])).toFixed(digits);
    const latency = `p50 ${line((p) => p.p50Ms, 1)} ms  p99 ${line((p) => p.p99Ms, 1)} ms  max ${line((p) => p.maxMs, 0)} ms`;
    const failures = rounds.reduce((sum, { phases }) => sum + phases[name].failures, 0);
    print(`  ${name.padEnd(7)} ${line((p) => p.perSecond, 0).padStart(6)} commits/s  ${latency}  failed ${failures}`);
  }
}

async function make(): Promise<void> {
  const children = new Map(VOTERS.map((id) => [id, start(made, id)]));
  await untilReady(VOTERS);
  for (const id of ['d', 'e']) {
    children.set(id, start(made, id));
    const body = JSON.stringify({ id, url: url(id).origin, role: 'observer' });
    const headers = { 'content-type': 'application/json' };
    await until(async () => {
      const answer = await fetch(new URL('/v1/groups/main/members', url('a')), { method: 'POST', headers, body });
      await answer.arrayBuffer();
      return answer.status === 201 ? true : null;
    });
    await untilReady([id]);
  }
  for (const id of ABSENT) children.get(id)?.kill('SIGKILL');
  const first = await lastChosen('a');
  print(`committing ${BEHIND} values one by one`);
  const enough = until(async () => ((await lastChosen('a')) >= first + BEHIND ? true : null), LIMIT_MS);
  await load(proposals({ targets: [url('a')], connections: 1, durationMs: LIMIT_MS, enough }));
  for (const id of ['a', 'b']) {
    const child = children.get(id);
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGTERM');
    await gone;
  }
}

async function measure(absent: readonly string[], isServing: boolean): Promise<Round> {
  const processes = new Processes();
  try {
    const present = ['a', 'b'];
    for (const id of [...present, ...absent]) {
      cpSync(join(made.directory, id), join(processes.directory, id), { recursive: true });
    }
    const others = present.map((id) => start(processes, id));
    await untilReady(present);
    const connections = isServing ? CONNECTIONS : 0;
    const phase = (durationMs: number, enough: Promise<unknown> = new Promise(() => undefined)): Promise<LoadResult> =>
      load(proposals({ targets: present.map(url), connections, durationMs, enough }));
    for (let count = 0; isServing && count < WARM_UP_COMMITS; ) count += (await phase(1000)).count;
    const before = await phase(STEADY_MS);
    const learners = absent.map((id) => start(processes, id));
    // A process that starts is not yet one that learns.
    await Promise.all(absent.map((id) => until(async () => ((await isReady(id)) === null ? null : true))));
    const at = performance.now();
    const cpuAt = { learners: cpuMs(learners), others: cpuMs(others) };
    const from = Math.min(...(await Promise.all(absent.map(lastChosen))));
    let levelMs = Number.NaN;
    const level = untilReady(absent).then(() => {
      levelMs = performance.now() - at;
    });
    const [during] = await Promise.all([phase(LIMIT_MS, level), level]);
    const learnersCpuMs = cpuMs(learners) - cpuAt.learners;
    const othersCpuMs = cpuMs(others) - cpuAt.others;
    const learned = Math.min(...(await Promise.all(absent.map(lastChosen)))) - from;
    const after = await phase(STEADY_MS);
    return { phases: { before, during, after }, levelMs, learned, learnersCpuMs, othersCpuMs };
  } finally {
    await processes.end();
  }
}

function proposals(options: Pick<LoadOptions, 'targets' | 'connections' | 'durationMs' | 'enough'>): LoadOptions {
  const headers = { 'content-type': 'application/json' };
  return { path: '/v1/groups/main/proposals', headers, body: VALUE, status: 201, ...options };
}

function start(processes: Processes, id: string) {
  const launcher = HAS_OWN_CORE && ABSENT.includes(id) ? ['taskset', '-c', String(LAST_CORE)] : [];
  const settings = {
    PAXMESH_NODE: id,
    PAXMESH_LISTEN: url(id).host,
    ...(VOTERS.includes(id) ? { PAXMESH_MEMBERS: members } : { PAXMESH_SEEDS: url('a').origin }),
    PAXMESH_STORE: `embedded:${join(processes.directory, id)}`,
    PAXMESH_LOG_LEVEL: 'warn',
  };
  return startNode(processes, settings, launcher);
}

function url(id: string): URL {
  const found = urlOf.get(id);
  if (found === undefined) throw new RangeError(`no node ${id}`);
  return found;
}

/** null: it does not answer at all. */
async function isReady(id: string): Promise<boolean | null> {
  try {
    const answer = await fetch(new URL('/readyz', url(id)));
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return null;
  }
}

async function untilReady(ids: readonly string[]): Promise<void> {
  const each = async (id: string) => until(async () => ((await isReady(id)) ? true : null), LIMIT_MS);
  await Promise.all(ids.map(each));
}

async function lastChosen(id: string): Promise<number> {
  const answer = await fetch(new URL('/v1/groups/main', url(id)));
  return ((await answer.json()) as { lastChosen: number }).lastChosen;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
