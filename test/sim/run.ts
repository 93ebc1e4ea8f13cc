// The simulator's command: npm run sim -- --seed N --count N --minutes N [--profile P] [--verbose]
// Runs seeds from --seed on, until --count or --minutes are used up. A failing seed is run again with a transcript, which
// is printed with the seed, the profile, the commit and the name of the invariant; the exit status is then 1.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { PROFILES, type Profile, profileOf } from '../../src/simulator/plan.js';
import type { Report } from '../../src/simulator/report.js';
import { simulate } from '../../src/simulator/simulation.js';
import { wireFor } from './wire.js';

const LINES = 400;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    minutes: { type: 'string' },
    profile: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    lines: { type: 'string', default: String(LINES) },
    twice: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

const first = whole('seed', values.seed);
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
const count =
  values.count === undefined
    ? values.minutes === undefined
      ? 1
      : Number.MAX_SAFE_INTEGER
    : whole('count', values.count);
const forced = values.profile;
if (forced !== undefined && !PROFILES.some((profile) => profile === forced))
  fail(`no profile ${forced}: ${PROFILES.join(', ')}`);
if (!(minutes > 0)) fail(`--minutes ${values.minutes} is not a time`);

const started = performance.now();
const totals = { seeds: 0, steps: 0, chosen: 0, ok: 0, none: 0, unknown: 0, lost: 0, failed: 0 };
const orders = { ok: 0, none: 0, unknown: 0, lost: 0 };
const changes = new Map<string, number>();
const reads = { linearizable: 0, lease: 0, local: 0, installs: 0 };
for (let seed = first; seed < first + count; seed++) {
  if ((performance.now() - started) / 60_000 >= minutes) break;
  const profile = (forced as Profile | undefined) ?? profileOf(seed);
  const report = await run(seed, profile, 0);
  add(report);
  if (values.verbose) say(oneLine(report));
  if (values.twice) {
    const again = await run(seed, profile, 0);
    if (again.sum !== report.sum) fail(`seed ${seed} ${profile} does not replay: ${report.sum} and ${again.sum}`);
  }
  if (report.failure !== null) {
    totals.failed++;
    await explain(report);
    if (!values['keep-going']) break;
  }
}
summarize();
process.exitCode = totals.failed === 0 ? 0 : 1;

function run(seed: number, profile: Profile, lines: number): Promise<Report> {
  return simulate({ seed, profile, lines, wire: wireFor(seed) });
}

async function explain({ seed, profile, failure }: Report): Promise<void> {
  const replay = await run(seed, profile, whole('lines', values.lines));
  say(`\nseed ${seed}, profile ${profile}, commit ${commit()}: ${failure?.invariant}`);
  for (const line of replay.lines) say(line);
  say(`${failure?.detail}\nagain: npm run sim -- --seed ${seed} --profile ${profile}`);
}

function add({ steps, chosen, calls, orders: given, changes: made, reads: answered, installs }: Report): void {
  totals.seeds++;
  reads.installs += installs;
  for (const mode of ['linearizable', 'lease', 'local'] as const) reads[mode] += answered[mode];
  totals.steps += steps;
  totals.chosen += chosen;
  totals.ok += calls.ok;
  totals.none += calls.none;
  totals.unknown += calls.unknown;
  totals.lost += calls.lost;
  for (const end of ['ok', 'none', 'unknown', 'lost'] as const) orders[end] += given[end];
  for (const [op, count] of Object.entries(made)) changes.set(op, (changes.get(op) ?? 0) + count);
}

function oneLine({ seed, profile, steps, virtualMs, chosen, calls, sum }: Report): string {
  const answers = `${calls.ok} ok, ${calls.none} none, ${calls.unknown} unknown, ${calls.lost} lost`;
  return `${seed} ${profile}: ${steps} events, ${virtualMs.toFixed(0)} ms, ${chosen} chosen; ${answers}; ${sum.toString(16)}`;
}

function summarize(): void {
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round((totals.seeds / seconds) * 60);
  say(
    `${totals.seeds} seeds, ${totals.failed} failed; ${totals.steps} events, ${totals.chosen} instances chosen; calls: ` +
      `${totals.ok} ok, ${totals.none} none, ${totals.unknown} unknown, ${totals.lost} lost; ` +
      `orders: ${orders.ok} ok, ${orders.none} none, ${orders.unknown} unknown, ${orders.lost} lost; ` +
      `reads: ${reads.linearizable} linearizable, ${reads.lease} lease, ${reads.local} local; ${reads.installs} installs; ` +
      `members: ${[...changes].map(([op, count]) => `${count} ${op}`).join(', ')}; ` +
      `${seconds.toFixed(1)} s, ${rate} seeds a minute, ${Math.round(totals.steps / seconds)} events a second`,
  );
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) fail(`--${name} ${text} is not a whole number`);
  return number;
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(2);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
