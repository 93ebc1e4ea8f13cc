// npm run mutants [-- --count N --only TEXT --seed N]
// Hunts every mutant until it is caught, and says at which seed and by which invariant. A mutant that lives through all
// seeds means the simulator has lost a tooth: exit status 1.
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.js';
import { hunt } from './mutation.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    only: { type: 'string', default: '' },
  },
});

let alive = 0;
for (const mutant of MUTANTS) {
  if (!mutant.name.includes(values.only)) continue;
  const started = performance.now();
  const caught = await hunt(mutant, Number(values.seed), Number(values.count));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (caught === null) alive++;
  const how = caught === null ? 'LIVES' : `seed ${caught.seed}, ${caught.profile}: ${caught.invariant}`;
  say(`${mutant.name.padEnd(56)} ${how} (${seconds} s)`);
}
say(alive === 0 ? 'every mutant was caught' : `${alive} mutants live`);
process.exitCode = alive === 0 ? 0 : 1;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
