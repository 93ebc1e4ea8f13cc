// Counters: read one, add to one.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { CounterAdd } from '../../../../src/schemas/counter.js';
import { ORDER_BYTES_MAX, takeOrders } from '../../../../src/schemas/order-body.js';
import { problems } from '../../../../src/schemas/problem.js';
import {
  checkKey,
  nameParams,
  ReadQuery,
  readHeaders,
  redirected,
  WriteHeaders,
  WriteQuery,
  writeHeaders,
} from '../../../../src/schemas/state.js';

const counterRoutes: FastifyPluginAsyncTypebox = async (app) => {
  takeOrders(app);
  const common = { tags: ['state'], params: nameParams("The counter's name") };
  const content = { 'application/json': { schema: Type.Unsafe({ $ref: 'Counter#' }) } };

  app.get(
    '/counters/:name',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getCounter',
        summary: 'What a counter stands at',
        description: 'A counter that nobody has added to is 0.',
        querystring: ReadQuery,
        response: { 200: { description: 'Its value', headers: readHeaders, content }, ...problems(400, 503) },
      },
    },
    (request, reply) => {
      const name = checkKey('the name', request.params.name);
      return app.machines.read(request, reply, 'counter', { name });
    },
  );

  app.post(
    '/counters/:name',
    {
      bodyLimit: ORDER_BYTES_MAX,
      config: { role: 'write' },
      schema: {
        ...common,
        operationId: 'addToCounter',
        summary: 'Add to a counter',
        querystring: WriteQuery,
        headers: Type.Object(WriteHeaders),
        body: Type.Unsafe<Static<typeof CounterAdd>>({ $ref: 'CounterAdd#' }),
        response: {
          200: { description: 'Its value after that', headers: writeHeaders, content },
          307: redirected,
          ...problems(400, 412, 422, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const name = checkKey('the name', request.params.name);
      const json = JSON.stringify({ op: 'add', name, add: request.body.add });
      const committed = await app.machines.write(request, reply, 'counter', json);
      return committed === null ? reply : committed.result;
    },
  );
};

export default counterRoutes;
