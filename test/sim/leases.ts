// The lease race's command: npm run leases -- --count N --drift D [--seed N] [--lines N]
// Runs stories from --seed on until --count tenures were won. A story in which two nodes believed to hold the lease is run
// again with a transcript, which is printed with its seed; the exit status is then 1.
import { parseArgs } from 'node:util';
import { MARGIN } from '../../src/engine/lease/lease-keeper.js';
import { raceForLeases } from '../../src/simulator/lease-race.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    drift: { type: 'string', default: '0.05' },
    lines: { type: 'string', default: '200' },
  },
});

const drift = numberOf('drift', values.drift);
const started = performance.now();
const { failure, ...report } = raceForLeases({
  seed: numberOf('seed', values.seed),
  leases: numberOf('count', values.count),
  drift,
});
const seconds = (performance.now() - started) / 1000;
if (failure !== null) {
  const { lines } = raceForLeases({ seed: failure.seed, leases: 1, drift, lines: numberOf('lines', values.lines) });
  for (const line of lines) say(line);
  say(`seed ${failure.seed}, drift ${drift}: ${failure.invariant}: ${failure.detail}`);
  say(`again: npm run leases -- --seed ${failure.seed} --count 1 --drift ${drift}`);
}
say(
  `drift ${drift} (the bound is ${(MARGIN / (2 - MARGIN)).toFixed(4)}): ${report.leases} tenures, ${report.renewals} renewals, ` +
    `${report.releases} given back, ${report.refused} operations refused, ${report.starts} starts, ` +
    `${(report.virtualMs / 3_600_000).toFixed(0)} virtual hours; ${report.stories} stories, ${report.steps} steps, ` +
    `sum ${report.sum.toString(16)}; ${seconds.toFixed(1)} s; ${failure === null ? 'never two masters' : 'FAILED'}`,
);
process.exitCode = failure === null ? 0 : 1;

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  process.stderr.write(`--${name} ${text} is not a number\n`);
  process.exit(2);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
