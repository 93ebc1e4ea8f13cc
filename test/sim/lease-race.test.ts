// The lease race: thousands of tenures on the production LeaseKeeper and MasterMachine under clock drift. Within the bound
// nobody ever shares the lease; beyond it the race finds two masters, and it finds every planted fault. The full million is
// `npm run leases -- --count 1000000`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { MARGIN } from '../../src/engine/lease/lease-keeper.js';
import { raceForLeases } from '../../src/simulator/lease-race.js';
import { MUTANTS } from './mutants/index.js';
import type { Edit } from './mutants/mutant.js';
import { withMutant } from './mutation.js';

type Race = typeof import('../../src/simulator/lease-race.js');

/** Clocks may be wrong by so much either way, whatever the length of the lease. */
const BOUND = MARGIN / (2 - MARGIN);

test('in 20,000 tenures under 5 % drift no two nodes hold the lease at one instant', () => {
  const { failure, ...report } = raceForLeases({ seed: 1, leases: 20_000, drift: 0.05 });
  assert.equal(failure, null);
  assert.ok(report.leases >= 20_000);
  for (const happened of ['renewals', 'releases', 'refused', 'starts'] as const) assert.ok(report[happened] > 1000);
});

test('the bound is where the formula says: just below it nothing, just above it two masters', () => {
  assert.ok(BOUND > 0.05);
  assert.equal(raceForLeases({ seed: 1, leases: 5000, drift: BOUND - 0.0001 }).failure, null);
  assert.equal(raceForLeases({ seed: 1, leases: 20_000, drift: BOUND + 0.0005 }).failure?.invariant, 'one-master');
});

test('far beyond the bound two masters are found at once, and the story that shows them fails again alone', () => {
  for (const drift of [0.25, 0.5]) {
    const { failure, leases } = raceForLeases({ seed: 1, leases: 20_000, drift });
    assert.equal(failure?.invariant, 'one-master', `${drift}`);
    assert.ok(leases < 1000, `${drift}`);
    const again = raceForLeases({ seed: failure.seed, leases: 1, drift, lines: 10 });
    assert.equal(again.failure?.detail, failure.detail);
    assert.match(again.lines.at(-1) ?? '', /FAILED n\d .*"self":true.* and n\d .*"self":true/);
  }
});

test('a race replays', () => {
  const sum = (seed: number) => raceForLeases({ seed, leases: 200, drift: 0.05 }).sum;
  assert.equal(sum(7), sum(7));
  assert.notEqual(sum(7), sum(8));
});

test('the command prints how to see a failure again, and its status is 1', () => {
  const program = join(import.meta.dirname, 'leases.js');
  const run = (...words: readonly string[]) => spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
  const bad = run('--count', '2000', '--drift', '0.5');
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /^again: npm run leases -- --seed \d+ --count 1 --drift 0.5$/m);
  const good = run('--count', '100');
  assert.equal(good.status, 0, good.stdout);
  assert.match(good.stdout, /^drift 0.05 \(the bound is 0.0526\): \d+ tenures, .* never two masters$/m);
});

const KEEPER = 'engine/lease/lease-keeper';
/** Faults of the lease that the mutants of the simulator do not hold. */
const MORE: readonly { readonly name: string; readonly edits: readonly Edit[] }[] = [
  { name: 'a margin of 9 %', edits: [[KEEPER, 'MARGIN = 0.1;', 'MARGIN = 0.09;']] },
  {
    name: 'a renewal for a shorter lease that does not bind the holder at once',
    edits: [[KEEPER, 'if (leaseMs < state.leaseMs || this.#cap !== null) {', 'if (false) {']],
  },
  {
    name: 'an older renewal that frees the holder from a shorter one',
    edits: [[KEEPER, 'state.startedAtMs < this.#cap.startedAtMs', 'false']],
  },
  {
    name: 'an acquire that is no compare-and-set',
    edits: [['machines/master-machine', '(state?.renewal ?? null) !== order.expects', 'false']],
  },
  {
    name: 'a renewal by anybody',
    edits: [
      [
        'machines/master-machine',
        'state === null || state.node !== order.node || state.version !== order.version',
        'state === null',
      ],
    ],
  },
];

const OF_THE_SIMULATOR = MUTANTS.filter(
  ({ falls, edits }) => falls.invariant === 'one-master' && edits.every(([module]) => module === KEEPER),
);

test('the lease has mutants in the simulator', () => {
  assert.ok(OF_THE_SIMULATOR.length >= 6);
});

/** What the race sees broken in code with this fault. */
function brokenBy(name: string, edits: readonly Edit[]): Promise<string | undefined> {
  const falls = { invariant: 'one-master', profile: 'lease-and-drift', seed: 1 } as const;
  return withMutant({ name, edits, falls }, async (root) => {
    const url = pathToFileURL(join(root, 'src', 'simulator', 'lease-race.js')).href;
    const { raceForLeases: race }: Race = await import(url);
    return race({ seed: 1, leases: 50_000, drift: 0.05 }).failure?.invariant;
  });
}

for (const { name, edits } of [...OF_THE_SIMULATOR, ...MORE]) {
  test(`the race sees two masters with: ${name}`, async () => {
    assert.equal(await brokenBy(name, edits), 'one-master');
  });
}

test('the race sees when nobody stands for the lease', async () => {
  const edits: readonly Edit[] = [[KEEPER, 'if (now < this.#othersUntil) {', 'if (true) {']];
  assert.equal(await brokenBy('nobody stands', edits), 'progress');
});
