// The OpenAPI document, collected from the routes' schemas. What the routes cannot say (the WebSocket) is written here.
import swagger from '@fastify/swagger';
import fp from 'fastify-plugin';
import { COMPONENTS } from '../../src/schemas/components.js';
import { feedPath } from '../../src/schemas/feed-document.js';

interface SwaggerOptions {
  readonly version: string;
}

export default fp<SwaggerOptions>(
  async (app, { version }) => {
    for (const schema of COMPONENTS) app.addSchema(schema);
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Paxmesh',
          version,
          description:
            'Consensus as a service: a replicated log, keys, locks and counters, membership and a master lease behind plain HTTP.',
          license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        },
        servers: [{ url: '/', description: 'Any node takes any request' }],
        security: [{}, { bearer: [] }],
        tags: [
          { name: 'log', description: 'Propose values and read the log' },
          { name: 'state', description: 'Keys and values, locks, counters' },
          { name: 'feed', description: 'Follow the log' },
          { name: 'groups', description: 'Groups, members and masters' },
          { name: 'node', description: 'This node: state, health, metrics, documents' },
        ],
        components: {
          securitySchemes: {
            bearer: {
              type: 'http',
              scheme: 'bearer',
              description: 'Asked for when the node was given tokens. Roles: read, write, admin',
            },
          },
          headers: {
            'Paxmesh-Node': { description: 'The node that answers', schema: { type: 'string' } },
            'Paxmesh-Instance': {
              description: 'The last instance applied there; -1 before the first',
              schema: { type: 'integer', minimum: -1 },
            },
            'Retry-After': {
              description: 'With 503: seconds after which another try makes sense',
              schema: { type: 'integer', minimum: 0 },
            },
          },
        },
        paths: { '/v1/groups/{group}/feed': feedPath },
      },
      hideUntagged: true,
      // Routes are found in the order of the directory; the document must not depend on that.
      transformObject: (document) => {
        if (!('openapiObject' in document)) return document.swaggerObject;
        const { paths = {} } = document.openapiObject;
        sortKeys(paths);
        for (const [path, operations] of Object.entries(paths)) nameHeaders(path, operations);
        return document.openapiObject;
      },
      refResolver: {
        buildLocalReference: (json, _base, _fragment, index) =>
          typeof json.$id === 'string' ? json.$id : `def-${index}`,
      },
    });
  },
  { name: 'swagger' },
);

function sortKeys(record: object): void {
  const sorted = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key] of sorted) Reflect.deleteProperty(record, key);
  Object.assign(record, Object.fromEntries(sorted));
}

interface Response {
  headers?: Record<string, unknown>;
}

/** The headers that hooks set, on every answer. */
function nameHeaders(path: string, operations: object | undefined): void {
  const named = ['Paxmesh-Node', ...(path.startsWith('/v1/groups/{group}') ? ['Paxmesh-Instance'] : [])];
  for (const operation of Object.values(operations ?? {}) as { responses?: Record<string, Response> }[]) {
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (status === '101') continue;
      const names = status === '503' || status === '5XX' ? [...named, 'Retry-After'] : named;
      const references = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
      response.headers = { ...response.headers, ...Object.fromEntries(references) };
    }
  }
}
