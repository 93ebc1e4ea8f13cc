// One node as a process: `paxmesh serve`. Settings, store, container, edge, in that order; then it runs until a signal or
// a broken invariant. Exit statuses: 0 after SIGTERM or SIGINT, 1 when it refuses to start (one line on stderr says what
// to change), 70 when an invariant broke.
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import meshPlugin from '../plugins/app/mesh.js';
import { buildApp } from './app.js';
import { ConfigError, loadConfig } from './config.js';
import { MESH, NODE, nodeContainer } from './container.js';
import { StoreUnusable } from './engine/errors.js';
import type { TraceNote } from './engine/ports.js';
import { createStore } from './store/open-store.js';
import { VERSION } from './version.js';

const EXIT_REFUSED = 1;
const EXIT_BROKEN = 70;
/** However badly a shutdown goes, it is over by then. */
const SHUTDOWN_MS_MAX = 4800;

export async function serve(env: NodeJS.ProcessEnv, flags: readonly string[]): Promise<void> {
  try {
    await run(env, flags);
  } catch (error) {
    process.stderr.write(`paxmesh: ${refusalOf(error)}\n`);
    process.exit(EXIT_REFUSED);
  }
}

async function run(env: NodeJS.ProcessEnv, flags: readonly string[]): Promise<void> {
  const config = loadConfig(env, flags);
  const store = createStore(config.store, { node: config.node, allowUnsafe: config.allowUnsafeStore });
  const opening = await store.open();
  let app: FastifyInstance | null = null;
  const fatal = (error: unknown): void => {
    process.stderr.write(`paxmesh: broken invariant, stopping: ${error instanceof Error ? error.message : error}\n`);
    process.exit(EXIT_BROKEN);
  };
  const container = nodeContainer({
    config,
    store,
    opening,
    version: VERSION,
    fatal,
    machines: () => [],
    trace: ({ name, level, group, facts }: TraceNote) => app?.log[level]({ note: name, group, ...facts }, name),
  });
  const node = container.get(NODE);
  app = await buildApp({
    node,
    config,
    mesh: async (scope) => void (await scope.register(meshPlugin, { mesh: container.get(MESH) })),
  });
  app.addHook('onClose', async () => {
    node.close();
    await store.close();
  });
  stopOnSignal(app);
  await node.start();
  await app.listen({ host: config.listen.host, port: config.listen.port });
  for (const warning of store.warnings) app.log.warn({ note: 'store-warning', detail: warning }, warning);
  const { port } = app.server.address() as AddressInfo;
  app.log.info({ note: 'listening', url: config.urlAdvertised, port, store: store.kind }, 'listening');
}

function stopOnSignal(app: FastifyInstance): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    app.log.info({ note: 'stopping', signal }, 'stopping');
    setTimeout(() => process.exit(0), SHUTDOWN_MS_MAX).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error({ err: error }, 'shutdown failed');
        process.exit(0);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** One line for people. A stack trace helps nobody who has to change a setting. */
function refusalOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StoreUnusable) return error.message;
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE')
    return `PAXMESH_LISTEN: ${address}:${port} is in use by another process; choose another port`;
  if (code === 'EADDRNOTAVAIL') return `PAXMESH_LISTEN: ${address} is not an address of this machine`;
  if (code === 'EACCES' && port !== undefined) return `PAXMESH_LISTEN: no permission to listen on port ${port}`;
  return `cannot start: ${message ?? error}`;
}
