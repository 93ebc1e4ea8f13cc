// What every answer has: the node's name, and headers that keep browsers from guessing. Also refuses writes that a page
// of another origin sends through its visitor's browser (CORS is off; simple POSTs would come through regardless).
// Synchronous hooks only: this runs on the hot path.
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { NodeFace } from '../../src/engine/face.js';

declare module 'fastify' {
  interface FastifyInstance {
    node: NodeFace;
    limits: EdgeLimits;
    /** What the paths of this API begin with: '' or '/prefix'. */
    mount: string;
  }
}

interface EdgeLimits {
  readonly valueBytesMax: number;
}

export default fp(
  async (app) => {
    const { id } = app.node;
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('paxmesh-node', id).header('x-content-type-options', 'nosniff');
      const { origin, host } = request.raw.headers;
      // An upgrade's origin, if it names one, is held against the host: without one it is refused below.
      if (host === undefined && request.raw.httpVersion === '1.1' && !request.ws) {
        return done(new PaxmeshError('invalid-request', 'HTTP/1.1 wants a Host header'));
      }
      if (origin !== undefined && !sameOrigin(origin, host) && !isPlainRead(request)) {
        return done(new PaxmeshError('forbidden', 'Pages of other origins may not do this'));
      }
      // The library would answer 101 and then close.
      if (request.ws && !request.is404 && request.routeOptions.config.isWebSocket !== true) {
        return done(new PaxmeshError('invalid-request', 'This address cannot be upgraded'));
      }
      done();
    });
  },
  { name: 'edge', dependencies: ['websocket'] },
);

function isPlainRead(request: FastifyRequest): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && !request.ws;
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
