// The log: one instance, or a page of them with long poll. Values stand verbatim in the answers.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { InstanceParams, InstancesQuery, instanceJson, pageJson } from '../../../../src/schemas/instance.js';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

const JSON_TYPE = 'application/json; charset=utf-8';
/**
 * An id so little beyond the end is most likely one that another node has just answered with: it is on its way here, and
 * waiting for it this long spares the caller a 404. A caller who guessed is told a moment later.
 */
const ON_ITS_WAY_INSTANCES = 1000;
const ON_ITS_WAY_MS = 100;

const instanceRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/instances/:id',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getInstance',
        summary: 'One chosen instance',
        description: `An id just beyond the end is waited for a moment (${ON_ITS_WAY_MS} ms): another node may have answered with it already.`,
        tags: ['log'],
        params: InstanceParams,
        response: {
          200: {
            description: 'Chosen',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Instance#' }) } },
          },
          ...problems(400, 404, 410),
        },
      },
    },
    async (request, reply) => {
      const group = app.groupOf(request);
      const { id } = request.params;
      if (id > group.lastChosen && id <= group.lastChosen + ON_ITS_WAY_INSTANCES)
        await app.lifecycle.whileConnected(reply, (signal) => group.instances(id, 1, ON_ITS_WAY_MS, signal));
      const view = await group.instance(id);
      reply.header('content-type', JSON_TYPE);
      return instanceJson(view);
    },
  );

  app.get(
    '/instances',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listInstances',
        summary: 'Chosen instances in order, without holes',
        tags: ['log'],
        params: GroupParams,
        querystring: InstancesQuery,
        response: {
          200: {
            description: 'A page; empty when nothing is chosen from there on (yet)',
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'InstancePage#' }) } },
          },
          ...problems(400, 410),
        },
      },
    },
    async (request, reply) => {
      const group = app.groupOf(request);
      const { from = group.firstKept, limit = 100, waitMs = 0 } = request.query;
      const page =
        waitMs === 0
          ? await group.instances(from, limit, 0)
          : await app.lifecycle.whileConnected(reply, (signal) => group.instances(from, limit, waitMs, signal));
      reply.header('content-type', JSON_TYPE);
      return pageJson(page);
    },
  );
};

export default instanceRoutes;
