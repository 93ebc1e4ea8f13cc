// One node as a process: `paxmesh serve`. It runs until a signal or a broken invariant. Exit statuses: 0 after SIGTERM or
// SIGINT, 1 when it refuses to start (one line on stderr says what to change), 70 when an invariant broke.
import { type BootedNode, bootNode } from './boot.js';
import { ConfigError, loadConfig } from './config.js';
import { StoreUnusable } from './engine/errors.js';

const EXIT_REFUSED = 1;
const EXIT_BROKEN = 70;
/** However badly a shutdown goes, it is over by then. */
const SHUTDOWN_MS_MAX = 4800;

export async function serve(env: NodeJS.ProcessEnv, flags: readonly string[]): Promise<void> {
  let booted: BootedNode | null = null;
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), SHUTDOWN_MS_MAX).unref();
    if (booted === null) process.exit(0);
    const { app } = booted;
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
  try {
    booted = await bootNode(loadConfig(env, flags), { fatal: breakOff });
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
  if (error instanceof ConfigError || error instanceof StoreUnusable) return error.message;
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const socket = `${address}:${port}`;
  if (code === 'EADDRINUSE') return `PAXMESH_LISTEN: ${socket} is in use by another process; choose another port`;
  if (code === 'EADDRNOTAVAIL') return `PAXMESH_LISTEN: ${address} is not an address of this machine`;
  if (code === 'ENOTFOUND') return 'PAXMESH_LISTEN: the host name is not known';
  if (code === 'EACCES' && port !== undefined) return `PAXMESH_LISTEN: no permission to listen on port ${port}`;
  return `cannot start: ${message ?? error}`;
}
