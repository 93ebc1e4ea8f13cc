// `npm test`: brings what the tests need (a real redis-server), then runs every test file of the build, or those whose path
// contains one of the words given. It never skips in silence: without Redis it fails and says how to get it.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const tests = join(import.meta.dirname, '..', 'test');
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));

bringRedis();
const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .map((file) => join(tests, file))
  .sort();
if (files.length === 0) fail(`no test file matches ${words.join(' ')}`);
// Two at a time: some start clusters of real processes, and time-outs under crowding would be lies. The limit is one for
// a whole file, not for a test of it, and is there for runs that hang: on a slow machine a long file takes minutes.
const flags = [
  '--enable-source-maps',
  '--test',
  '--test-reporter=spec',
  '--test-concurrency=2',
  '--test-timeout=1200000',
];
const run = spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);

function bringRedis(): void {
  const server = process.env['REDIS_SERVER'] ?? 'redis-server';
  if (works(server)) return;
  const isRoot = process.getuid?.() === 0;
  if (process.env['REDIS_SERVER'] === undefined && isRoot && works('apt-get')) {
    process.stdout.write('installing redis-server for the tests …\n');
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (works(server)) return;
  }
  fail(
    `the tests need ${server}: apt-get install redis-server, or brew install redis, or set REDIS_SERVER to its path`,
  );
}

function works(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
