// Who holds the lease, and the orders that move it. Any node takes them and hands them to the holder.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { Lease, Preferred, Transfer } from '../../../../src/schemas/master.js';
import { ORDER_BYTES_MAX, takeOrders } from '../../../../src/schemas/order-body.js';
import { GroupParams, OrderQuery } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

const masterRoutes: FastifyPluginAsyncTypebox = async (app) => {
  takeOrders(app);
  const master = (description: string) => ({
    description,
    content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Master#' }) } },
  });
  const common = { tags: ['groups'], params: GroupParams };
  const ofOrder = { ...common, querystring: OrderQuery };
  const order = { bodyLimit: ORDER_BYTES_MAX, config: { role: 'admin' } } as const;

  app.get(
    '/master',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getMaster',
        summary: 'Who holds the lease',
        response: { 200: master('As this node knows it; `node: null` when nobody does'), ...problems(404) },
      },
    },
    async (request) => app.groupOf(request).masterView(),
  );

  app.delete(
    '/master',
    {
      ...order,
      schema: {
        ...ofOrder,
        operationId: 'releaseMaster',
        summary: 'Let the holder give the lease back',
        description: 'Answered when its tenure is over by the log; at once when nobody holds the lease.',
        response: { 200: master('The tenure is over'), ...problems(400, 404, 503, 504) },
      },
    },
    async (request) => app.groupOf(request).releaseMaster(request.query),
  );

  app.post(
    '/master/transfer',
    {
      ...order,
      schema: {
        ...ofOrder,
        operationId: 'transferMaster',
        summary: 'Hand the lease to a named voter',
        body: Type.Unsafe<Static<typeof Transfer>>({ $ref: 'Transfer#' }),
        response: { 200: master('It holds the lease'), ...problems(400, 404, 409, 503, 504) },
      },
    },
    async (request) => app.groupOf(request).transferMaster(request.body.to, request.query),
  );

  const preferred = (description: string) => ({
    description,
    content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Preferred#' }) } },
  });

  app.get(
    '/master/preferred',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getPreferredMaster',
        summary: 'Who shall be master whenever it can',
        response: { 200: preferred('As applied on this node'), ...problems(404) },
      },
    },
    async (request) => ({ node: app.groupOf(request).preferredMaster }),
  );

  app.put(
    '/master/preferred',
    {
      ...order,
      schema: {
        ...ofOrder,
        operationId: 'preferMaster',
        summary: 'Name who shall be master whenever it can',
        description:
          'Replicated. A master that is another hands the lease over when that member has been a voter, connected and ' +
          'level, for the length of a lease; after a hand-over by `transfer` too. Answered when it is agreed.',
        body: Type.Unsafe<Static<typeof Preferred>>({ $ref: 'Preferred#' }),
        response: { 200: preferred('Agreed'), ...problems(400, 404, 503, 504) },
      },
    },
    async (request) => {
      const { node } = request.body;
      await app.groupOf(request).preferMaster(node, request.query);
      return { node };
    },
  );

  app.put(
    '/master/lease',
    {
      ...order,
      schema: {
        ...ofOrder,
        operationId: 'setLease',
        summary: 'Make the lease longer or shorter',
        description: "Replicated: from then on it goes before every node's own setting.",
        body: Type.Unsafe<Static<typeof Lease>>({ $ref: 'Lease#' }),
        response: { 200: master('Agreed'), ...problems(400, 404, 503, 504) },
      },
    },
    async (request) => app.groupOf(request).setLease(request.body.leaseMs, request.query),
  );
};

export default masterRoutes;
