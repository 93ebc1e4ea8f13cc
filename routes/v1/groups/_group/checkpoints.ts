// Checkpoints, which are each node's own, and retention, which the group agrees on.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { RetentionPatch } from '../../../../src/schemas/checkpoint.js';
import { ORDER_BYTES_MAX, takeOrders } from '../../../../src/schemas/order-body.js';
import { GroupParams, OrderQuery } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

const checkpointRoutes: FastifyPluginAsyncTypebox = async (app) => {
  takeOrders(app);
  const answer = (description: string, schema: string) => ({
    description,
    content: { 'application/json': { schema: Type.Unsafe({ $ref: `${schema}#` }) } },
  });
  const common = { tags: ['log'], params: GroupParams };
  const order = { bodyLimit: ORDER_BYTES_MAX, config: { role: 'admin' } } as const;

  app.get(
    '/checkpoints',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'listCheckpoints',
        summary: 'The checkpoints of this node',
        response: {
          200: answer('Newest first; none before the first was taken', 'CheckpointList'),
          ...problems(404),
        },
      },
    },
    async (request) => ({ checkpoints: app.groupOf(request).checkpoints() }),
  );

  app.post(
    '/checkpoints',
    {
      ...order,
      schema: {
        ...common,
        querystring: OrderQuery,
        operationId: 'takeCheckpoint',
        summary: 'Write the state of the group down on this node, now',
        description:
          'Proposals go on meanwhile. Nodes also do it by themselves. A machine without snapshots rules it out: 422.',
        response: { 201: answer('Durable', 'Checkpoint'), ...problems(400, 404, 422, 503, 504) },
      },
    },
    async (request, reply) => reply.code(201).send(await app.groupOf(request).takeCheckpoint(request.query)),
  );

  app.get(
    '/retention',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getRetention',
        summary: 'How much of the log is kept',
        response: { 200: answer('As agreed by the group', 'Retention'), ...problems(404) },
      },
    },
    async (request) => app.groupOf(request).retention,
  );

  app.patch(
    '/retention',
    {
      ...order,
      schema: {
        ...common,
        querystring: OrderQuery,
        operationId: 'setRetention',
        summary: 'Keep more or less of the log, or pause trimming',
        description:
          'Replicated. Each node trims its own log, never beyond its newest checkpoint. What is left out stays as it is.',
        body: Type.Unsafe<Static<typeof RetentionPatch>>({ $ref: 'RetentionPatch#' }),
        response: { 200: answer('Agreed', 'Retention'), ...problems(400, 404, 503, 504) },
      },
    },
    async (request) => app.groupOf(request).setRetention(request.body, request.query),
  );
};

export default checkpointRoutes;
