// Follow the log, over a WebSocket or as Server-Sent Events.

import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { FeedQuery, feedPosition, positionIn } from '../../../../src/schemas/feed.js';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { invalidRequest, PaxmeshError, problems } from '../../../../src/schemas/problem.js';

const feedRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/feed',
    exposeHeadRoute: false,
    config: { role: 'read' },
    schema: { hide: true },
    handler: () => {
      throw invalidRequest('Open the feed as a WebSocket, or GET events for the same as Server-Sent Events');
    },
    wsHandler: (socket, request) => {
      app.feed.serveSocket(socket, request.group, feedPosition(request.query), request.log);
    },
  });

  app.get(
    '/events',
    {
      exposeHeadRoute: false,
      config: { role: 'read' },
      schema: {
        operationId: 'streamEvents',
        summary: 'Follow the log as Server-Sent Events',
        description:
          'The frames of the WebSocket feed, one an event; the id is the instance id. `Last-Event-ID` goes on behind it.',
        tags: ['feed'],
        params: GroupParams,
        querystring: FeedQuery,
        headers: Type.Object({ 'Last-Event-ID': Type.Optional(Type.String({ description: 'Wins over `from`' })) }),
        response: {
          200: {
            description: 'Events until somebody hangs up',
            content: { 'text/event-stream': { schema: Type.Unsafe<Readable>({ type: 'string' }) } },
          },
          ...problems(400, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const position = positionIn(request.query, request.raw.headers['last-event-id']);
      if (position instanceof PaxmeshError) throw position;
      reply
        .header('content-type', 'text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no');
      return reply.send(app.feed.events(app.groupOf(request), position, reply.raw));
    },
  );
};

export default feedRoutes;
