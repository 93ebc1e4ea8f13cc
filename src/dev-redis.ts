// A redis-server of its own for one node of `paxmesh dev`: synced at every write, on loopback, in the node's directory.
// It outlives a Ctrl-C, so that the node can write to its end; who started it ends it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';

const READY_MS = 20_000;
const POLL_MS = 50;

/** Resolves when it takes connections; throws when it does not come up. */
export async function startRedis(port: number, directory: string): Promise<ChildProcess> {
  mkdirSync(directory, { recursive: true });
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'];
  const strict = ['--aof-load-truncated', 'no', '--maxmemory-policy', 'noeviction'];
  const server = process.env['REDIS_SERVER'] ?? 'redis-server';
  const child = spawn(server, [...args, ...durable, ...strict], { stdio: 'ignore', detached: true });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () =>
      reject(new Error(`cannot run ${server}: install it (apt-get install redis-server), or set REDIS_SERVER`)),
    );
    child.once('exit', (code, signal) => {
      reject(new Error(`redis-server on port ${port} ended with ${signal ?? `status ${code}`}: see ${directory}`));
    });
  });
  await Promise.race([failed, untilListening(port)]);
  // From here on its end is an event, not a failure of the start.
  failed.catch(() => undefined);
  return child;
}

async function untilListening(port: number): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' }, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  throw new Error(`redis-server on port ${port} does not answer`);
}
