// "This group, or 404", decided once for everything below it. The feed's socket is told by a close code instead, after the
// upgrade. Every answer carries the last instance applied here. Bodies are taken as they are, never decompressed.
import type { FastifyInstance } from 'fastify';
import { PaxmeshError } from '../../../../src/schemas/problem.js';

export default async function groupHooks(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (request, _reply, done) => {
    const { group: name } = request.params as { group: string };
    request.group = app.node.group(name) ?? null;
    if (request.group === null && !request.ws) {
      return done(new PaxmeshError('group-not-found', `This node has no group ${name.slice(0, 80)}`));
    }
    const encoding = request.raw.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return done();
    done(new PaxmeshError('unsupported-encoding', 'Send the body without Content-Encoding: it is kept as it comes'));
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    // A read has said already as of which instance its answer is.
    if (request.group !== null && !reply.hasHeader('paxmesh-instance')) {
      reply.header('paxmesh-instance', request.group.applied);
    }
    done(null, payload);
  });
}
