// The document is true: the committed file is what the routes say, and what the routes answer is what it says.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it, test } from 'node:test';
import * as Schema from 'typebox/schema';
import { COMPONENTS } from '../../src/schemas/components.js';
import { buildEdge, type Edge } from '../helper.js';
import { buildStateEdge } from './state-edge.js';

interface Component {
  readonly $id?: string;
  readonly properties?: object;
  readonly required?: readonly string[];
}
type Properties = Readonly<Record<string, Component>>;
const components = Object.fromEntries(
  COMPONENTS.map((schema) => [`${(schema as { $id?: string }).$id}#`, schema]),
) as Properties;

describe('the OpenAPI document', () => {
  let edge: Edge;
  before(async () => {
    edge = await buildEdge();
    await edge.main.propose({ machine: 'log', encoding: 'json', bytes: Buffer.from('{"a":1}'), idempotencyKey: 'k' });
  });
  after(() => edge.app.close());

  it('is the committed openapi.yaml, but for the version', async () => {
    const file = await readFile(new URL(import.meta.resolve('#openapi.yaml')), 'utf8');
    const versionless = (yaml: string): string => yaml.replace(/^ {2}version: .*$/m, '');
    assert.equal(versionless(edge.app.swagger({ yaml: true })), versionless(file));
  });

  it('has every route but the redirect of /, and the headers that all answers carry', async () => {
    const { paths } = (await edge.app.inject('/openapi.json')).json() as {
      paths: Record<string, Record<string, { responses: Record<string, { headers?: object }> }>>;
    };
    const group = '/v1/groups/{group}';
    const inGroup = (it: string) => it.replace(' ', ` ${group}/`);
    assert.deepEqual(
      Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`)),
      [
        ...['docs', 'livez', 'metrics', 'openapi.json', 'openapi.yaml', 'readyz', 'v1/backup', 'v1/groups'].map(
          (it) => `get /${it}`,
        ),
        `get ${group}`,
        `post ${group}/batches`,
        ...['get checkpoints', 'post checkpoints', 'get counters/{name}', 'post counters/{name}'].map(inGroup),
        ...['events', 'feed', 'instances', 'instances/{id}', 'kv', 'kv/{key}'].map((it) => `get ${group}/${it}`),
        ...['put kv/{key}', 'delete kv/{key}'].map(inGroup),
        ...['get locks/{name}', 'put locks/{name}', 'delete locks/{name}', 'get master'].map(inGroup),
        ...[
          'delete master',
          'put master/lease',
          'get master/preferred',
          'put master/preferred',
          'post master/transfer',
          'get members',
          'post members',
        ].map(inGroup),
        ...['patch members/{id}', 'delete members/{id}'].map(inGroup),
        ...['readmit', 'replace'].map((it) => `post ${group}/members/{id}/${it}`),
        `post ${group}/proposals`,
        `get ${group}/proposals/{key}`,
        ...['get retention', 'patch retention'].map(inGroup),
        'get /v1/node',
        'post /v1/restore',
      ],
    );
    for (const [path, methods] of Object.entries(paths)) {
      for (const [status, { headers = {} }] of Object.values(methods).flatMap((it) => Object.entries(it.responses))) {
        if (status === '101') continue;
        assert.ok('Paxmesh-Node' in headers, `${path} ${status}`);
        assert.equal('Paxmesh-Instance' in headers, path.startsWith(group), `${path} ${status}`);
      }
    }
  });

  for (const [method, url, status, name] of [
    ['GET', '/livez', 200, 'Live'],
    ['GET', '/readyz', 200, 'Ready'],
    ['GET', '/v1/node', 200, 'NodeStatus'],
    ['GET', '/v1/groups', 200, 'GroupList'],
    ['GET', '/v1/groups/main', 200, 'GroupStatus'],
    ['GET', '/v1/groups/main/members', 200, 'Members'],
    ['GET', '/v1/groups/main/master', 200, 'Master'],
    ['GET', '/v1/groups/main/instances', 200, 'InstancePage'],
    ['GET', '/v1/groups/main/instances/0', 200, 'Instance'],
    ['GET', '/v1/groups/main/instances/9', 404, 'Problem'],
    ['GET', '/v1/groups/main/proposals/k', 200, 'ProposalState'],
    ['POST', '/v1/groups/main/proposals', 201, 'Committed'],
    ['POST', '/v1/groups/main/batches', 201, 'BatchCommitted'],
  ] as const) {
    it(`describes what ${method} ${url} answers`, async () => {
      const payload =
        method === 'POST'
          ? { payload: '{"entries":[{"value":1}]}', headers: { 'content-type': 'application/json' } }
          : {};
      const answer = await edge.app.inject({ method, url, ...payload });
      assert.equal(answer.statusCode, status);
      const body = answer.json() as object;
      const [ok, errors] = Schema.Errors(components, { $ref: `${name}#` }, body);
      assert.ok(ok, JSON.stringify(errors));
      const { properties = {}, required = [] } = components[`${name}#`] ?? {};
      const due = Object.keys(properties).filter((key) => required.includes(key) || key in body);
      assert.deepEqual(Object.keys(body).sort(), due.sort());
    });
  }
});

test('the document describes what kv, locks and counters answer', async () => {
  const { app } = await buildStateEdge();
  for (const [method, path, payload, name] of [
    ['PUT', 'kv/k', { a: 1 }, 'KvWritten'],
    ['GET', 'kv', undefined, 'KvPage'],
    ['PUT', 'locks/l', { owner: 'o', ttlMs: 1000 }, 'Lock'],
    ['GET', 'locks/l', undefined, 'Lock'],
    ['DELETE', 'locks/l?fence=1', undefined, 'Lock'],
    ['POST', 'counters/c', { add: 1 }, 'Counter'],
    ['GET', 'counters/c', undefined, 'Counter'],
    ['GET', 'kv/missing', undefined, 'Problem'],
  ] as const) {
    const body = payload === undefined ? {} : { payload };
    const answer = (await app.inject({ method, url: `/v1/groups/main/${path}`, ...body })).json();
    const [ok, errors] = Schema.Errors(components, { $ref: `${name}#` }, answer);
    assert.ok(ok, `${method} ${path}: ${JSON.stringify(errors)}`);
    assert.deepEqual(Object.keys(answer).sort(), Object.keys(components[`${name}#`]?.properties ?? {}).sort());
  }
  await app.close();
});
