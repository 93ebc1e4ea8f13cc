// Runs a program of examples/ as a user would, and answers what it printed. It must end by itself, with status 0.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A limit for runs that hang. */
const TIMEOUT_MS = 300_000;

export async function runExample(name: string, args: readonly string[], port: number): Promise<string[]> {
  const program = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  const printed: Buffer[] = [];
  const complained: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complained.push(chunk));
  const [status, signal] = await once(child, 'close');
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, `${Buffer.concat(complained)}`);
  return `${Buffer.concat(printed)}`.trimEnd().split('\n');
}
