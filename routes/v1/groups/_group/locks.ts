// Locks: acquire or renew one, see who holds it, release it.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { FenceParameter, type LockOrder, lockOrderJson, lockReleaseJson } from '../../../../src/schemas/lock.js';
import { ORDER_BYTES_MAX, takeOrders } from '../../../../src/schemas/order-body.js';
import { WaitMs } from '../../../../src/schemas/parameters.js';
import { PaxmeshError, problems } from '../../../../src/schemas/problem.js';
import {
  checkKey,
  nameParams,
  ReadQuery,
  readHeaders,
  redirected,
  WRITE,
  WriteHeaders,
  writeHeaders,
} from '../../../../src/schemas/state.js';
import { compileExceptBody } from '../../../../src/schemas/validator.js';

const lockRoutes: FastifyPluginAsyncTypebox = async (app) => {
  takeOrders(app);
  const common = { tags: ['state'], params: nameParams("The lock's name") };
  const content = { 'application/json': { schema: Type.Unsafe({ $ref: 'Lock#' }) } };
  const headers = Type.Object(WriteHeaders);

  app.get(
    '/locks/:name',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getLock',
        summary: 'Who holds a lock',
        querystring: ReadQuery,
        response: { 200: { description: 'Held', headers: readHeaders, content }, ...problems(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const name = checkKey('the name', request.params.name);
      const held = await app.machines.read(request, reply, 'lock', { name });
      if (held === null) throw new PaxmeshError('key-not-found', 'The lock is free');
      return held;
    },
  );

  app.put(
    '/locks/:name',
    {
      bodyLimit: ORDER_BYTES_MAX,
      config: { role: 'write' },
      schema: {
        ...common,
        operationId: 'acquireLock',
        summary: 'Acquire a lock, or renew it',
        description:
          'Without `fence` a free lock is acquired; a held one is refused to everybody, its own holder too. With the fence of the holder it is renewed. `waitMs` waits for a held lock: first come, first served on this node; with an Idempotency-Key the lock is asked for once, when this node has seen it become free.',
        querystring: Type.Object({ ...WRITE, waitMs: Type.Optional(WaitMs) }),
        headers,
        body: Type.Unsafe<Static<typeof LockOrder>>({ $ref: 'LockOrder#' }),
        response: {
          200: { description: 'Held by the caller', headers: writeHeaders, content },
          307: redirected,
          ...problems(400, 409, 412, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { waitMs = 0 } = request.query;
      const json = lockOrderJson(name, request.body);
      const attempt = () => app.machines.write(request, reply, 'lock', json);
      const group = app.groupOf(request);
      const isFinal = request.raw.headers['idempotency-key'] !== undefined;
      const committed =
        waitMs === 0 || request.body.fence !== undefined
          ? await attempt()
          : await app.lifecycle.whileConnected(reply, (signal) =>
              app.lockLine.acquire({ group, name, waitMs, signal, isFinal, attempt }),
            );
      return committed === null ? reply : committed.result;
    },
  );

  app.delete(
    '/locks/:name',
    {
      bodyLimit: ORDER_BYTES_MAX,
      config: { role: 'write' },
      validatorCompiler: compileExceptBody,
      schema: {
        ...common,
        operationId: 'releaseLock',
        summary: 'Release a lock',
        querystring: Type.Object({ ...WRITE, fence: Type.Optional(FenceParameter) }),
        headers,
        body: Type.Unsafe({ $ref: 'LockRelease#' }),
        response: {
          200: { description: 'It is free; who held it', headers: writeHeaders, content },
          307: redirected,
          ...problems(400, 404, 409, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const json = lockReleaseJson(request.params.name, request.body, request.query.fence);
      const committed = await app.machines.write(request, reply, 'lock', json);
      return committed === null ? reply : committed.result;
    },
  );
};

export default lockRoutes;
