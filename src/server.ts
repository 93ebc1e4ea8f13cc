// One node as a process: `paxmesh serve`. It runs until a signal or a broken invariant. Exit statuses: 0 after SIGTERM or
// SIGINT, 1 when it refuses to start (one line on stderr says what to change), 70 when an invariant broke.
import type { BootedNode } from './boot.js';
import { ConfigError, loadConfig } from './config.js';
import { StoreUnusable } from './engine/errors.js';

const EXIT_REFUSED = 1;
const EXIT_BROKEN = 70;
/**
 * However badly a shutdown goes, it is over by then. The limits of its parts (lifecycle.ts, the mesh) add up to less than
 * five seconds; the rest is for a machine that is busy.
 */
const SHUTDOWN_MS_MAX = 8000;

export async function serve(env: NodeJS.ProcessEnv, flags: readonly string[]): Promise<void> {
  let booted: BootedNode | null = null;
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    if (booted === null) process.exit(0);
    const { app } = booted;
    setTimeout(() => {
      app.log.error({ note: 'shutdown-cut-short' }, 'the shutdown took too long');
      process.exit(0);
    }, SHUTDOWN_MS_MAX).unref();
    app.log.info({ note: 'stopping', signal }, 'stopping');
    booted.close().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error({ err: error }, 'the shutdown was not clean');
        process.exit(0);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Started with a channel to its parent, a node does not outlive it.
  if (process.connected) process.once('disconnect', () => stop('parent gone'));
  try {
    const config = loadConfig(env, flags);
    // Not before the settings are known to be good: a refusal should not wait for all of this to be loaded.
    const { bootNode } = await import('./boot.js');
    booted = await bootNode(config, { fatal: breakOff });
  } catch (error) {
    if (stopping) return;
    process.stderr.write(`paxmesh: ${refusalOf(error)}\n`);
    process.exit(EXIT_REFUSED);
  }
}

function breakOff(error: unknown): void {
  process.stderr.write(`paxmesh: broken invariant, stopping: ${error instanceof Error ? error.message : error}\n`);
  process.exit(EXIT_BROKEN);
}

/** One line for people. A stack trace helps nobody who has to change a setting. */
function refusalOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof StoreUnusable) {
    return error.message.includes('PAXMESH_STORE') ? error.message : `PAXMESH_STORE: ${error.message}`;
  }
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const socket = `${address}:${port}`;
  if (code === 'EADDRINUSE') return `PAXMESH_LISTEN: ${socket} is in use by another process; choose another port`;
  if (code === 'EADDRNOTAVAIL') return `PAXMESH_LISTEN: ${address} is not an address of this machine`;
  if (code === 'ENOTFOUND') return 'PAXMESH_LISTEN: the host name is not known';
  if (code === 'EACCES' && port !== undefined) return `PAXMESH_LISTEN: no permission to listen on port ${port}`;
  return `cannot start: ${message ?? error}`;
}
