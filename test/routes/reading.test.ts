// Everything that is read: the log, groups, node, health, metrics, documents; and what is not there.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { buildEdge, type Edge } from '../helper.js';

describe('reading', () => {
  let edge: Edge;
  beforeEach(async () => {
    edge = await buildEdge();
  });
  afterEach(() => edge.app.close());

  const get = (url: string) => edge.app.inject(url);
  const fill = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1)
      await edge.main.propose({ machine: 'log', encoding: 'json', bytes: Buffer.from(String(n)) });
  };
  const problem = async (url: string, status: number, code: string): Promise<Record<string, unknown>> => {
    const answer = await get(url);
    const body = answer.json() as Record<string, unknown>;
    assert.deepEqual([answer.statusCode, body.code, body.outcome], [status, code, 'none'], url);
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
    assert.equal(answer.headers['paxmesh-node'], 'a');
    return body;
  };

  it('shows an instance, unapplied values with their reason', async () => {
    edge.main.log.push({
      instanceId: 0,
      checksum: 'abcd0123',
      values: [
        {
          index: 0,
          machine: 'log',
          encoding: 'utf8',
          valueJson: '"x"',
          applied: false,
          reason: 'precondition "failed"',
        },
      ],
    });
    const answer = await get('/v1/groups/main/instances/0');
    assert.deepEqual(answer.json(), {
      instanceId: 0,
      checksum: 'abcd0123',
      values: [
        { index: 0, machine: 'log', encoding: 'utf8', value: 'x', applied: false, reason: 'precondition "failed"' },
      ],
    });
    assert.equal(answer.headers['paxmesh-instance'], '0');
  });

  it('shows pages', async () => {
    await fill(5);
    const first = (await get('/v1/groups/main/instances?from=1&limit=2')).json();
    assert.deepEqual(
      [
        first.items.map((item: { instanceId: number }) => item.instanceId),
        first.next,
        first.firstKept,
        first.lastChosen,
      ],
      [[1, 2], 3, 0, 4],
    );
    assert.deepEqual((await get('/v1/groups/main/instances?from=5')).json(), {
      items: [],
      next: 5,
      firstKept: 0,
      lastChosen: 4,
    });
  });

  it('shows an instance that another node has answered with, but that is only just coming in here', async () => {
    await fill(1);
    const answer = get('/v1/groups/main/instances/1');
    await new Promise((resolve) => setImmediate(resolve));
    await fill(1);
    assert.deepEqual([(await answer).statusCode, (await answer).json().instanceId], [200, 1]);
  });

  it('wakes a long poll when something is chosen', async () => {
    const waiting = get('/v1/groups/main/instances?from=0&waitMs=60000');
    await new Promise((resolve) => setImmediate(resolve));
    await fill(1);
    assert.equal((await waiting).json().items.length, 1);
  });

  it('ends a long poll with 503 when the node goes', async () => {
    const waiting = get('/v1/groups/main/instances?from=0&waitMs=60000');
    while (edge.main.readersWaiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await edge.app.close();
    assert.equal((await waiting).json().code, 'draining');
  });

  for (const id of ['-1', 'abc', '1e99', '9007199254740992', '%00', '1.0', '01', '+1', '%20']) {
    it(`refuses the instance id ${id}`, () =>
      problem(`/v1/groups/main/instances/${id}`, 400, 'invalid-request').then(() => undefined));
  }

  for (const query of [
    'limit=0',
    'limit=1001',
    'from=-1',
    'from=abc',
    'waitMs=60001',
    'waitMs=-1',
    'limit=2&limit=3',
  ]) {
    it(`refuses instances?${query}`, () =>
      problem(`/v1/groups/main/instances?${query}`, 400, 'invalid-request').then(() => undefined));
  }

  it('tells what is not there', async () => {
    await problem('/v1/groups/main/instances/7', 404, 'instance-not-chosen');
    edge.main.firstKept = 5;
    assert.equal((await problem('/v1/groups/main/instances/4', 410, 'instance-trimmed')).firstKept, 5);
    await problem('/v1/groups/nope', 404, 'group-not-found');
    await problem('/v1/groups/nope/instances/abc', 404, 'group-not-found');
    await problem('/v1/groups/..%2f', 404, 'group-not-found');
    await problem('/v1/groups/__proto__', 404, 'group-not-found');
    await problem('/nowhere', 404, 'not-found');
    await problem('/v1/groups/main/nowhere', 404, 'not-found');
    await problem('/v1/groups/main/instances/..%2f..', 400, 'invalid-request');
    await problem('/v1/groups/%zz', 400, 'invalid-request');
    await problem(`/v1/groups/${'x'.repeat(5000)}`, 404, 'not-found').catch(() =>
      problem(`/v1/groups/${'x'.repeat(5000)}`, 400, 'invalid-request'),
    );
  });

  for (const [method, url] of [
    ['DELETE', '/v1/groups/main/instances/1'],
    ['PUT', '/v1/node'],
    ['POST', '/livez'],
    ['PATCH', '/v1/groups/main/proposals'],
  ] as const) {
    it(`has no ${method} ${url}`, async () => {
      const answer = await edge.app.inject({
        method,
        url,
        payload: '{',
        headers: { 'content-type': 'application/json' },
      });
      assert.deepEqual([answer.statusCode, answer.json().code], [404, 'not-found']);
    });
  }

  it('shows groups, node, members with their version as ETag, and master', async () => {
    assert.deepEqual(
      (await get('/v1/groups')).json().groups.map(({ group }: { group: string }) => group),
      ['main', 'orders'],
    );
    assert.deepEqual((await get('/v1/groups/orders')).json(), edge.node.orders.status());
    assert.deepEqual((await get('/v1/node')).json(), edge.node.status());
    const members = await get('/v1/groups/main/members');
    assert.equal(members.headers.etag, '"0"');
    assert.deepEqual(members.json(), edge.main.membersView());
    assert.deepEqual((await get('/v1/groups/main/master')).json(), edge.main.masterView());
  });

  it('is alive always and ready when all checks are', async () => {
    assert.deepEqual((await get('/livez')).json(), { live: true });
    const ready = await get('/readyz');
    assert.deepEqual([ready.statusCode, ready.json().ready, ready.json().checks.length], [200, true, 1]);
    edge.main.checks = [{ name: 'main', ok: false, code: 'no-quorum', detail: 'no peer answers' }];
    const body = await problem('/readyz', 503, 'no-quorum');
    assert.deepEqual(body.checks, edge.main.checks);
    edge.main.checks = [{ name: 'main', ok: false, code: 'not-a-member', detail: 'waits to be added' }];
    assert.equal((await get('/readyz')).statusCode, 503);
    assert.equal((await get('/livez')).statusCode, 200);
  });

  it('counts requests by route, never by path', async () => {
    await fill(1);
    await get('/v1/groups/main/instances/0?secret=1');
    await get('/wp-login.php');
    const { body, headers } = await get('/metrics');
    assert.match(String(headers['content-type']), /^text\/plain/);
    assert.match(
      body,
      /paxmesh_http_request_seconds_count\{method="GET",route="\/v1\/groups\/:group\/instances\/:id",status="200"\} 1/,
    );
    assert.match(body, /paxmesh_http_request_seconds_count\{method="any",route="unmatched",status="404"\} 1/);
    assert.match(body, /paxmesh_group_applied\{group="main"\} 0/);
    assert.match(body, /paxmesh_peer_connected\{group="orders",peer="b"\} 1/);
    assert.ok(!body.includes('secret') && !body.includes('wp-login'));
  });

  it('serves its document as YAML, as JSON and as a page without scripts', async () => {
    const yaml = await get('/openapi.yaml');
    assert.match(yaml.body, /^openapi: 3\.1\.0/);
    const document = (await get('/openapi.json')).json();
    assert.ok(document.paths['/v1/groups/{group}/proposals'].post.requestBody);
    const page = await get('/docs');
    assert.match(String(page.headers['content-security-policy']), /^default-src 'none'/);
    assert.ok(!/<script|https?:\/\//.test(page.body));
    assert.ok(page.body.includes('id="value-too-large"'));
    const home = await get('/');
    assert.deepEqual([home.statusCode, home.headers.location], [302, '/docs']);
  });
});
