// All state of all groups, out of a cluster as one stream and into a new one.
import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PaxmeshError, problems } from '../../src/schemas/problem.js';
import { compileExceptBody } from '../../src/schemas/validator.js';

const BYTES = 'application/octet-stream';

const backupRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // Never gathered in memory: the handler reads the body itself.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BYTES, (_request, _payload, done) => done(null));

  app.get(
    '/backup',
    {
      exposeHeadRoute: false,
      config: { role: 'admin' },
      schema: {
        operationId: 'backup',
        summary: 'All state of all groups, as of now',
        description:
          'Holds everything that was acknowledged anywhere before the call. The stream ends with a mark: one that was cut off is not taken back. One at a time on a node.',
        tags: ['node'],
        response: {
          200: {
            description: 'To be given to a restore as it is',
            content: { [BYTES]: { schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }) } },
          },
          ...problems(409, 422, 503),
        },
      },
    },
    async (_request, reply) => {
      const stream = await app.transfers.send(reply, () => app.node.backup());
      return reply.header('content-type', BYTES).header('cache-control', 'no-store').send(stream);
    },
  );

  app.post(
    '/restore',
    {
      config: { role: 'admin' },
      validatorCompiler: compileExceptBody,
      schema: {
        operationId: 'restore',
        summary: 'Take a backup into a cluster that was never used',
        description:
          'Goes through the log to every member. Nothing is seen of it, and nothing has changed, until all of the stream was read and found whole. The cluster keeps its own gid and members.',
        tags: ['node'],
        body: { content: { [BYTES]: { schema: Type.Unsafe({ type: 'string', format: 'binary' }) } } },
        response: {
          200: {
            description: 'In place',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Restored#' }) } },
          },
          ...problems(400, 404, 412, 415, 422, 503),
        },
      },
    },
    async (request) => {
      const { headers } = request.raw;
      const encoding = headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity' || headers['content-type'] === undefined) {
        throw new PaxmeshError('unsupported-encoding', `Send the backup as it is, as ${BYTES}`);
      }
      const length = headers['content-length'];
      const bytes = length === undefined ? null : Number(length);
      return { groups: await app.transfers.receive(request, (body) => app.node.restore(body, bytes)) };
    },
  );
};

export default backupRoutes;
