// This node.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { problems } from '../../src/schemas/problem.js';

const nodeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/node',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getNode',
        summary: 'This node',
        tags: ['node'],
        response: {
          200: {
            description: 'Its name, address, store and groups',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'NodeStatus#' }) } },
          },
          ...problems(),
        },
      },
    },
    async () => app.node.status(),
  );
};

export default nodeRoutes;
