// A group as this node sees it.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

const groupRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getGroup',
        summary: 'Status of a group',
        tags: ['groups'],
        params: GroupParams,
        response: {
          200: {
            description: 'As this node sees it',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'GroupStatus#' }) } },
          },
          ...problems(404),
        },
      },
    },
    async (request) => app.groupOf(request).status(),
  );
};

export default groupRoutes;
