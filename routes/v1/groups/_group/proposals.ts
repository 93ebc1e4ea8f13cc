// POST a value; ask what became of an idempotency key.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';
import {
  IDEMPOTENCY_WINDOW,
  masterElsewhere,
  ProposalHeaders,
  ProposalKeyParams,
  ProposalKeyQuery,
  ProposalQuery,
  proposeOptions,
} from '../../../../src/schemas/proposal.js';
import { compileExceptBody } from '../../../../src/schemas/validator.js';
import { receiveAnything, receiveValue } from '../../../../src/schemas/value.js';

const JSON_TYPE = 'application/json; charset=utf-8';

const proposalRoutes: FastifyPluginAsyncTypebox = async (app) => {
  receiveAnything(app);

  app.post(
    '/proposals',
    {
      bodyLimit: app.limits.valueBytesMax,
      config: { role: 'write' },
      validatorCompiler: compileExceptBody,
      schema: {
        operationId: 'propose',
        summary: 'Propose a value and wait until it is chosen and applied',
        description:
          'The body is the value, kept byte for byte. JSON must parse, text must be UTF-8, anything else is bytes.',
        tags: ['log'],
        params: GroupParams,
        querystring: ProposalQuery,
        headers: ProposalHeaders,
        body: {
          content: {
            'application/json': {
              schema: Type.Unknown({ description: 'Kept verbatim, and shown as `json`. Also any +json type' }),
            },
            'text/plain': { schema: Type.String({ description: 'Shown as `utf8`. Also any other text type' }) },
            'application/octet-stream': {
              schema: Type.String({ description: 'Shown as `base64`. Also any other type, or none' }),
            },
          },
        },
        response: {
          201: {
            description: 'Applied. `Idempotency-Replayed: true` when an earlier proposal with this key gave the answer',
            headers: {
              Location: { type: 'string', description: 'The instance' },
              'Idempotency-Replayed': { type: 'string', enum: ['true'] },
              'Idempotency-Window': {
                type: 'string',
                description: `How long the key is remembered: \`${IDEMPOTENCY_WINDOW}\``,
              },
            },
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Committed#' }) } },
          },
          307: {
            description: 'With `route=redirect`: the master is elsewhere',
            headers: { Location: { type: 'string' } },
            type: 'null',
          },
          ...problems(413, 415, 422, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const group = app.groupOf(request);
      const elsewhere = request.query.route === 'redirect' ? masterElsewhere(group.masterView(), app.node.id) : null;
      if (elsewhere !== null) return reply.redirect(elsewhere + request.url, 307);
      const headers = request.raw.headers;
      const { encoding, bytes } = receiveValue(headers['content-type'], request.body as Buffer | undefined);
      const machine = headers['paxmesh-machine'] as string | undefined;
      const idempotencyKey = headers['idempotency-key'] as string | undefined;
      if (idempotencyKey !== undefined) reply.header('idempotency-window', IDEMPOTENCY_WINDOW);
      const { instanceId, index, result, replayed } = await group.propose(
        { machine: machine ?? 'log', encoding, bytes, idempotencyKey },
        proposeOptions(request.query, headers),
      );
      if (replayed) reply.header('idempotency-replayed', 'true');
      reply
        .code(201)
        .header('location', `${app.mount}/v1/groups/${group.name}/instances/${instanceId}`)
        .header('content-type', JSON_TYPE);
      return `{"group":${JSON.stringify(group.name)},"instanceId":${instanceId},"index":${index},"result":${JSON.stringify(result ?? null)}}`;
    },
  );

  app.get(
    '/proposals/:key',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getProposal',
        summary: 'What became of an idempotency key',
        tags: ['log'],
        params: ProposalKeyParams,
        querystring: ProposalKeyQuery,
        response: {
          200: {
            description: 'Known',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'ProposalState#' }) } },
          },
          ...problems(404),
        },
      },
    },
    (request, reply) => {
      const group = app.groupOf(request);
      const { waitMs = 0 } = request.query;
      return app.lifecycle.whileConnected(reply, () => group.proposal(request.params.key, waitMs));
    },
  );
};

export default proposalRoutes;
