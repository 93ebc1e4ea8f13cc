// Is this process alive, can it serve, and how does it feel? Open to everybody: no token, no limit.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { isErrorCode, PaxmeshError, problems } from '../src/schemas/problem.js';

const healthRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/livez',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'live',
        summary: 'The process answers',
        tags: ['node'],
        security: [],
        response: {
          200: { description: 'Alive', content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Live#' }) } } },
          ...problems(),
        },
      },
    },
    async () => ({ live: true }),
  );

  app.get(
    '/readyz',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'ready',
        summary: 'This node can serve proposals in all its groups',
        tags: ['node'],
        security: [],
        response: {
          200: { description: 'Ready', content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Ready#' }) } } },
          ...problems(503),
        },
      },
    },
    async () => {
      const checks = [...app.node.ready(), ...app.lifecycle.checks()];
      const failed = checks.find(({ ok }) => !ok);
      if (failed === undefined) return { ready: true, checks };
      throw notReady(failed.code, `${failed.name}: ${failed.detail}`, { ready: false, checks });
    },
  );

  app.get(
    '/metrics',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'metrics',
        summary: 'Numbers for Prometheus',
        tags: ['node'],
        security: [],
        response: {
          200: { description: 'Text exposition format', content: { 'text/plain': { schema: Type.String() } } },
          ...problems(),
        },
      },
    },
    async (_request, reply) => {
      reply.header('content-type', app.metrics.contentType);
      return app.metrics.text();
    },
  );
};

/** Always 503, whatever status the check's code has as an answer to a proposal. */
function notReady(code: string | null, detail: string, facts: Readonly<Record<string, unknown>>): PaxmeshError {
  const error = code !== null && isErrorCode(code) ? new PaxmeshError(code, detail, { facts }) : null;
  return error?.status === 503 ? error : new PaxmeshError('catching-up', detail, { facts });
}

export default healthRoutes;
