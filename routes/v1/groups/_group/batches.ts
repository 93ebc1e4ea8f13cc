// POST several values that become one instance, or nothing.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { batchBodyBytesMax, type ReceivedEntry, receiveBatch, receiveLines } from '../../../../src/schemas/batch.js';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { invalidRequest, problems } from '../../../../src/schemas/problem.js';
import { BatchHeaders, masterElsewhere, ProposalQuery, proposeOptions } from '../../../../src/schemas/proposal.js';
import { compileExceptBody } from '../../../../src/schemas/validator.js';

const batchRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { valueBytesMax } = app.limits;
  // Read here, not by the framework: values must keep their text. The schema of the body is for the document only.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, receiveBatch(body as Buffer, valueBytesMax));
  });
  app.addContentTypeParser('application/x-ndjson', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, receiveLines(body as Buffer, valueBytesMax));
  });

  app.post(
    '/batches',
    {
      bodyLimit: batchBodyBytesMax(valueBytesMax),
      config: { role: 'write' },
      validatorCompiler: compileExceptBody,
      schema: {
        operationId: 'proposeBatch',
        summary: 'Propose several values as one instance',
        description:
          'Atomic: all of them in one instance or none. As application/x-ndjson, each line is one JSON value.',
        tags: ['log'],
        params: GroupParams,
        querystring: ProposalQuery,
        headers: BatchHeaders,
        body: {
          content: {
            'application/json': { schema: Type.Unsafe({ $ref: 'Batch#' }) },
            'application/x-ndjson': { schema: Type.String({ description: 'One JSON value a line' }) },
          },
        },
        response: {
          201: {
            description: 'Applied. `Idempotency-Replayed: true` when an earlier batch with these keys gave the answer',
            headers: {
              Location: { type: 'string', description: 'The instance' },
              'Idempotency-Replayed': { type: 'string', enum: ['true'] },
            },
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'BatchCommitted#' }) } },
          },
          307: {
            description: 'With `route=redirect`: the master is elsewhere',
            headers: { Location: { type: 'string' } },
            type: 'null',
          },
          ...problems(400, 413, 415, 422, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const group = app.groupOf(request);
      const { headers } = request.raw;
      const elsewhere = request.query.route === 'redirect' ? masterElsewhere(group.masterView(), app.node.id) : null;
      if (elsewhere !== null) return reply.redirect(elsewhere + request.url, 307);
      if (request.body === undefined)
        throw invalidRequest('A batch needs a body, as application/json or application/x-ndjson');
      const machine = (headers['paxmesh-machine'] as string | undefined) ?? 'log';
      const commands = (request.body as readonly ReceivedEntry[]).map((entry) => ({ machine, ...entry }));
      const { instanceId, results, replayed } = await group.proposeBatch(
        commands,
        proposeOptions(request.query, headers),
      );
      if (replayed) reply.header('idempotency-replayed', 'true');
      reply.code(201).header('location', `${app.mount}/v1/groups/${group.name}/instances/${instanceId}`);
      return { group: group.name, instanceId, results };
    },
  );
};

export default batchRoutes;
