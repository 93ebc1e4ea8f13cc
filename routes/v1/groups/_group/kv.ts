// Values under keys. A body is kept as it comes and given back under its own Content-Type.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import {
  type EntryText,
  KvDeleteHeaders,
  KvGetHeaders,
  KvListQuery,
  KvParams,
  KvPutHeaders,
  KvPutQuery,
  kvBytes,
  kvDeleteJson,
  kvPageJson,
  kvPutJson,
  namesTag,
  type PageText,
  quoted,
} from '../../../../src/schemas/kv.js';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { PaxmeshError, problems } from '../../../../src/schemas/problem.js';
import {
  checkKey,
  ReadQuery,
  readHeaders,
  redirected,
  WriteQuery,
  writeHeaders,
} from '../../../../src/schemas/state.js';
import { compileExceptBody } from '../../../../src/schemas/validator.js';
import { receiveAnything, receiveValue } from '../../../../src/schemas/value.js';

const JSON_TYPE = 'application/json; charset=utf-8';

const kvRoutes: FastifyPluginAsyncTypebox = async (app) => {
  receiveAnything(app);
  const common = { tags: ['state'], params: KvParams };
  const etag = { ETag: { type: 'string', description: 'The write that put the value there: `"instanceId.index"`' } };
  const written = (description: string) => ({
    description,
    headers: { ...writeHeaders, ...etag },
    content: { 'application/json': { schema: Type.Unsafe({ $ref: 'KvWritten#' }) } },
  });
  const nothing = (description: string, headers: object): object => ({ description, headers, type: 'null' });
  const anything = { '*/*': { schema: Type.Unknown({ description: 'The value, under its own Content-Type' }) } };

  app.get(
    '/kv/:key',
    {
      config: { role: 'read' },
      schema: {
        ...common,
        operationId: 'getKey',
        summary: 'The value under a key',
        querystring: ReadQuery,
        headers: KvGetHeaders,
        response: {
          200: { description: 'As it was put', headers: { ...readHeaders, ...etag }, content: anything },
          304: nothing('Still one of those that `If-None-Match` names', etag),
          ...problems(400, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const key = checkKey('the key', request.params.key);
      const entry = (await app.machines.read(request, reply, 'kv', { op: 'get', key })) as EntryText | null;
      if (entry === null) throw new PaxmeshError('key-not-found', 'There is no such key');
      reply.header('etag', quoted(entry.etag)).header('cache-control', 'no-cache');
      if (namesTag(request.raw.headers['if-none-match'], entry.etag)) return reply.code(304).send();
      // What somebody has put there is no page of ours: a browser must not run it under this address.
      reply.header('content-security-policy', 'sandbox').header('content-type', entry.contentType);
      return reply.send(kvBytes(entry));
    },
  );

  app.put(
    '/kv/:key',
    {
      bodyLimit: app.limits.valueBytesMax,
      config: { role: 'write' },
      validatorCompiler: compileExceptBody,
      schema: {
        ...common,
        operationId: 'putKey',
        summary: 'Put a value under a key',
        description:
          'The body is the value, kept byte for byte with its Content-Type. JSON must parse, text must be UTF-8, anything else is bytes. In the log it stands as JSON, long text that JSON would blow up as base64.',
        querystring: KvPutQuery,
        headers: KvPutHeaders,
        body: { content: anything },
        response: {
          200: written('Another value was there'),
          201: written('The key is new'),
          307: redirected,
          ...problems(400, 412, 413, 415, 422, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const { headers } = request.raw;
      const value = receiveValue(headers['content-type'], request.body as Buffer | undefined);
      const json = kvPutJson(request.params.key, value, request.query.ttlMs, headers);
      const committed = await app.machines.write(request, reply, 'kv', json, value.bytes.length);
      if (committed === null) return reply;
      const { created, etag: tag } = committed.result as { readonly created: boolean; readonly etag: string };
      reply.code(created ? 201 : 200).header('etag', quoted(tag));
      return { instanceId: committed.instanceId, index: committed.index };
    },
  );

  app.delete(
    '/kv/:key',
    {
      config: { role: 'write' },
      schema: {
        ...common,
        operationId: 'deleteKey',
        summary: 'Remove a key',
        querystring: WriteQuery,
        headers: KvDeleteHeaders,
        response: {
          204: nothing('It is gone; the ETag names the removal', { ...writeHeaders, ...etag }),
          307: redirected,
          ...problems(400, 404, 412, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const json = kvDeleteJson(request.params.key, request.raw.headers);
      const committed = await app.machines.write(request, reply, 'kv', json);
      if (committed === null) return reply;
      return reply
        .code(204)
        .header('etag', quoted((committed.result as { readonly etag: string }).etag))
        .send();
    },
  );

  app.get(
    '/kv',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listKeys',
        summary: 'Keys and values, in the order of the bytes of the keys',
        tags: ['state'],
        params: GroupParams,
        querystring: KvListQuery,
        response: {
          200: {
            description: 'A page',
            headers: readHeaders,
            content: { 'application/json': { schema: Type.Unsafe({ $ref: 'KvPage#' }) } },
          },
          ...problems(400, 503),
        },
      },
    },
    async (request, reply) => {
      const { prefix = '', after = null, limit = 100 } = request.query;
      const question = { op: 'list', prefix, after, limit };
      const page = (await app.machines.read(request, reply, 'kv', question)) as PageText;
      reply.header('content-type', JSON_TYPE);
      return kvPageJson(page);
    },
  );
};

export default kvRoutes;
