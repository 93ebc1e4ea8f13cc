// All groups of this node.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { problems } from '../../../src/schemas/problem.js';

const groupsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listGroups',
        summary: 'Status of every group of this node',
        tags: ['groups'],
        response: {
          200: {
            description: 'In the order of the configuration',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'GroupList#' }) } },
          },
          ...problems(),
        },
      },
    },
    async () => ({ groups: app.groups.map((group) => group.status()) }),
  );
};

export default groupsRoutes;
