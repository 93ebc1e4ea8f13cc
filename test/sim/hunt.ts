// npm run mutants [-- --count N --only TEXT --seed N --profile P]
// Hunts every mutant until its invariant is broken, and says at which seed; what broke before is named behind it. A mutant
// that lives through all seeds means the simulator has lost a tooth: exit status 1.
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants/index.js';
import { hunt, isProfile } from './mutation.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    only: { type: 'string', default: '' },
    profile: { type: 'string', default: '' },
  },
});

let alive = 0;
for (const mutant of MUTANTS) {
  if (!mutant.name.includes(values.only)) continue;
  const started = performance.now();
  const profile = isProfile(values.profile) ? values.profile : null;
  const { fall, first } = await hunt(mutant, Number(values.seed), Number(values.count), profile);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (fall === null) alive++;
  const how = fall === null ? `LIVES (${mutant.falls.invariant} wanted)` : at(fall);
  const before = first === null || first === fall ? '' : `; before: ${at(first)}`;
  say(`${mutant.name.padEnd(56)} ${how}${before} (${seconds} s)`);
}
say(alive === 0 ? 'every mutant was caught' : `${alive} mutants live`);
process.exitCode = alive === 0 ? 0 : 1;

function at({ invariant, profile, seed }: { invariant: string; profile: string; seed: number }): string {
  return `seed ${seed}, ${profile}: ${invariant}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
