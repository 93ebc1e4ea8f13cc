// A throw-away redis-server for tests: found on PATH or in $REDIS_SERVER, on a free port of loopback, in a directory of
// its own, with an append-only file that is synced at every write. It can be killed, restarted, and set up wrongly. A
// missing redis-server fails the tests with the command that installs it; it never skips them.

import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { watched } from './children.js';
import { freePort } from './free-port.js';

const BINARY = process.env['REDIS_SERVER'] ?? 'redis-server';

const DURABLE: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'aof-load-truncated': 'no',
  'maxmemory-policy': 'noeviction',
  save: '',
};

export class RedisServer {
  readonly port: number;
  readonly directory: string;
  /** Where Redis keeps the append-only file. */
  readonly aofDirectory: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.directory = directory;
    this.aofDirectory = join(directory, 'appendonlydir');
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
    if (spawnSync(BINARY, ['--version']).status !== 0) {
      throw new Error(
        `these tests need a real Redis, and ${BINARY} does not run: ` +
          'apt-get install redis-server, or brew install redis, or set REDIS_SERVER to its path',
      );
    }
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'paxmesh-redis-')));
    await server.restart(settings);
    return server;
  }

  /** Starts it again on what is in its directory. Rejects when Redis refuses. */
  async restart(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.kill();
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory, '--daemonize', 'no'];
    for (const [name, value] of Object.entries({ ...DURABLE, ...settings }))
      args.push(`--${name}`, ...value.split(' '));
    const child = watched(spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    this.#process = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.includes('Ready to accept connections')) {
        child.stdout.resume();
        return;
      }
    }
    this.#process = null;
    throw new Error(`redis-server did not start:\n${lines.slice(-5).join('\n')}`);
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Throws away what it holds on disk. It must not be running. */
  async wipe(): Promise<void> {
    await rm(this.aofDirectory, { recursive: true, force: true });
  }

  /** Kills it and removes its directory. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}
