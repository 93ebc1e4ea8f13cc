// The command `paxmesh` as a person runs it: words, environment, what comes out, how it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watched } from '../children.js';
import { CLI, cleanEnvironment, type Exit } from './node-process.js';

export interface Ran extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  /** Hangs up after this much output, as `head -1` does. */
  readonly linesMax?: number;
}

/** Runs it to its end. */
export async function paxmesh(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env = {}, input = '', linesMax = Number.POSITIVE_INFINITY } = options;
  const child = watched(spawn(process.execPath, [CLI, ...args], { env: cleanEnvironment(env) }));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (stdout.split('\n').length > linesMax) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that does not read its input may be gone before all of it is written.
  child.stdin.on('error', () => child.stdin.destroy());
  child.stdin.end(input);
  const [status, signal] = await once(child, 'close');
  return { status, signal, stdout, stderr };
}
