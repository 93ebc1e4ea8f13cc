// The API's description: for programs (OpenAPI) and for people (a page made of it, without scripts).
import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type TSchema, Type } from 'typebox';
import { DOCS_STYLE, docsPage, type OpenApi } from '../src/schemas/docs-page.js';
import { problems } from '../src/schemas/problem.js';

const documentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const styleHash = createHash('sha256').update(DOCS_STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  const config = { role: 'open' as const };
  const document = (operationId: string, summary: string, type: string, schema: TSchema = Type.String()) => ({
    config,
    schema: {
      operationId,
      summary,
      tags: ['node'],
      security: [],
      response: { 200: { description: 'The document', content: { [type]: { schema } } }, ...problems() },
    },
  });

  app.get('/openapi.yaml', document('openapiYaml', 'This description', 'application/yaml'), async (_request, reply) => {
    reply.header('content-type', 'application/yaml; charset=utf-8');
    return app.swagger({ yaml: true });
  });

  app.get(
    '/openapi.json',
    document('openapiJson', 'This description, as JSON', 'application/json', Type.Object({})),
    async (_request, reply) => {
      reply.header('content-type', 'application/json; charset=utf-8');
      return JSON.stringify(app.swagger());
    },
  );

  app.get('/docs', document('docs', 'This description, for people', 'text/html'), async (_request, reply) => {
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .header('referrer-policy', 'no-referrer');
    return docsPage(app.swagger() as OpenApi);
  });

  app.get('/', { config, schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs', 302));
};

export default documentRoutes;
