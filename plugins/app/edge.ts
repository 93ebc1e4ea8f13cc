// What every answer has: the node's name, and headers that keep browsers from guessing. Also refuses writes that a page
// of another origin sends through its visitor's browser (CORS is off; simple POSTs would come through regardless).
// Synchronous hooks only: this runs on the hot path.
import fp from 'fastify-plugin';
import type { NodeFace } from '../../src/engine/face.js';
import { PaxmeshError } from '../../src/engine/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    paxmesh: NodeFace;
    limits: EdgeLimits;
  }
}

export interface EdgeLimits {
  readonly valueBytesMax: number;
}

export interface EdgeOptions {
  readonly node: NodeFace;
  readonly limits: EdgeLimits;
}

export default fp<EdgeOptions>(
  async (app, { node, limits }) => {
    app.decorate('paxmesh', node);
    app.decorate('limits', limits);
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('paxmesh-node', node.id).header('x-content-type-options', 'nosniff');
      const { origin, host } = request.raw.headers;
      if (origin === undefined || sameOrigin(origin, host)) return done();
      const harmless = (request.method === 'GET' || request.method === 'HEAD') && request.raw.headers.upgrade === undefined;
      done(harmless ? undefined : new PaxmeshError('forbidden', 'Pages of other origins may not do this'));
    });
  },
  { name: 'edge' },
);

function sameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
