// The simulator itself: what it must find in the code as it stands, and what a person is shown when it finds something.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROFILES } from '../../src/simulator/plan.js';
import { simulate } from '../../src/simulator/simulation.js';
import { MUTANTS } from './mutants/index.js';
import { withMutant } from './mutation.js';
import { wireFor } from './wire.js';

/** Of each profile; among four seeds in a row one sends everything through the mesh's codec. */
const SEEDS = [40_000, 40_001, 40_002, 40_003];

for (const profile of PROFILES) {
  test(`no invariant is broken in profile ${profile}`, async () => {
    let chosen = 0;
    for (const seed of SEEDS) {
      const report = await simulate({ seed, profile, wire: wireFor(seed) });
      assert.equal(report.failure, null, `seed ${seed}`);
      chosen += report.chosen;
    }
    assert.ok(chosen > 0, 'nothing was ever chosen');
  });
}

test('the orders of operators take effect, of every kind', async () => {
  const made = new Map<string, number>();
  let ok = 0;
  for (const profile of ['members-at-random', 'wiped-and-readmitted', 'slow-newcomers', 'lease-at-random'] as const) {
    for (let seed = 41_000; seed < 41_012; seed++) {
      const { changes, orders } = await simulate({ seed, profile });
      for (const [op, count] of Object.entries(changes)) made.set(op, (made.get(op) ?? 0) + count);
      if (profile === 'lease-at-random') ok += orders.ok;
    }
  }
  const kinds = ['found', 'add', 'promote', 'update', 'remove', 'replace', 'readmit'];
  for (const kind of kinds) assert.ok((made.get(kind) ?? 0) > 3, `${kind}: ${made.get(kind)}`);
  assert.ok(ok > 20, `${ok} orders to the master took effect`);
});

test('reads of every freshness are answered, and checkpoints of others are put in place', async () => {
  const answered = { linearizable: 0, lease: 0, local: 0 };
  let installed = 0;
  for (const profile of ['stale-reads', 'short-log', 'short-log-members'] as const) {
    for (let seed = 42_000; seed < 42_010; seed++) {
      const { reads, installs } = await simulate({ seed, profile });
      for (const mode of ['linearizable', 'lease', 'local'] as const) answered[mode] += reads[mode];
      installed += installs;
    }
  }
  for (const [mode, count] of Object.entries(answered)) assert.ok(count > 10, `${count} ${mode} reads`);
  assert.ok(installed > 5, `${installed} installs`);
});

test('a seed replays: two runs have the same sum, and the same transcript line by line', async () => {
  for (const profile of PROFILES) {
    for (const seed of SEEDS.slice(0, 1)) {
      const run = (lines: number) => simulate({ seed, profile, lines, wire: wireFor(seed) });
      const [bare, first, second] = [await run(0), await run(100_000), await run(100_000)];
      assert.equal(first.sum, bare.sum, `${profile} ${seed}: the transcript changes the run`);
      assert.equal(second.sum, bare.sum, `${profile} ${seed}`);
      assert.ok(first.lines.length > 0);
      assert.deepEqual(second.lines, first.lines, `${profile} ${seed}`);
    }
  }
});

test('two seeds are two stories', async () => {
  const sums = new Set<number>();
  for (const seed of SEEDS) sums.add((await simulate({ seed, profile: 'swarm' })).sum);
  assert.equal(sums.size, SEEDS.length);
});

test('a failing run prints seed, profile, commit, invariant and what led to it, and how to see it again', async () => {
  const mutant = MUTANTS.find(({ name }) => name === 'ack before save');
  assert.ok(mutant !== undefined);
  const { seed, profile, invariant } = mutant.falls;
  const { status, stdout } = await withMutant(mutant, async (root) => {
    const program = join(root, 'test', 'sim', 'run.js');
    return spawnSync(process.execPath, [program, '--seed', String(seed), '--profile', profile], { encoding: 'utf8' });
  });
  assert.equal(status, 1);
  assert.match(stdout, new RegExp(`^seed ${seed}, profile ${profile}, commit ([0-9a-f]+|unknown): ${invariant}$`, 'm'));
  assert.match(stdout, / n\d +g\d -> n\d: prepare 0 at 1\.n\d$/m);
  assert.match(stdout, / FAILED .*durable-before-said: n\d g\d prepare /);
  assert.ok(stdout.includes(`again: npm run sim -- --seed ${seed} --profile ${profile}`), stdout);
  assert.match(stdout, /^1 seeds, 1 failed; /m);
});
