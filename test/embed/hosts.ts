// Somebody else's app with a node in it, for the tests: closed after each, whatever became of it.
import { afterEach } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { type PaxmeshOptions, paxmesh } from 'paxmesh';

const open: FastifyInstance[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

export const ALONE: PaxmeshOptions = {
  node: 'a',
  store: 'memory:',
  allowUnsafeStore: true,
  members: 'a=http://127.0.0.1:1',
  // A busy machine may stand still for longer than the five seconds of those who do not say.
  timeoutMs: 60_000,
};

/** Not listening, not ready. `before` and `after`: what the host has registered then. */
export async function host(
  options: Partial<PaxmeshOptions> = {},
  { before, after, ...server }: Hosted & FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app = Fastify(server as FastifyServerOptions) as unknown as FastifyInstance;
  open.push(app);
  await before?.(app);
  await app.register(paxmesh, { ...ALONE, ...options });
  await after?.(app);
  return app;
}

interface Hosted {
  readonly before?: (app: FastifyInstance) => unknown;
  readonly after?: (app: FastifyInstance) => unknown;
}
