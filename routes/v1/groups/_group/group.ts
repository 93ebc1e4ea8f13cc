// A group as this node sees it: status, members, master.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

const groupRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const answers = (name: string, description: string, headers: object = {}) => ({
    200: { description, headers, content: { 'application/json': { schema: Type.Unsafe({ $ref: `${name}#` }) } } },
    ...problems(404),
  });

  app.get(
    '',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getGroup',
        summary: 'Status of a group',
        tags: ['groups'],
        params: GroupParams,
        response: answers('GroupStatus', 'As this node sees it'),
      },
    },
    async (request) => app.groupOf(request).status(),
  );

  app.get(
    '/members',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getMembers',
        summary: 'Who belongs to the group',
        tags: ['groups'],
        params: GroupParams,
        response: answers('Members', 'The membership applied here', {
          ETag: { type: 'string', description: 'The version, in quotes' },
        }),
      },
    },
    async (request, reply) => {
      const members = app.groupOf(request).membersView();
      reply.header('etag', `"${members.version}"`);
      return members;
    },
  );

  app.get(
    '/master',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getMaster',
        summary: 'Who holds the lease',
        tags: ['groups'],
        params: GroupParams,
        response: answers('Master', 'As this node knows it; `node: null` when nobody does'),
      },
    },
    async (request) => app.groupOf(request).masterView(),
  );
};

export default groupRoutes;
