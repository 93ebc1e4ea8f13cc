// Orders about members and master: what the edge lets through, what it refuses, and how it hands on what the group says.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import { buildEdge, type Edge } from '../helper.js';

const G = '/v1/groups/main';
const D = { id: 'd', url: 'http://127.0.0.1:7004' };

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';

describe('orders about members and master', () => {
  let edge: Edge;
  before(async () => {
    edge = await buildEdge();
  });
  afterEach(() => {
    edge.main.failure = null;
    edge.main.orders.length = 0;
  });
  after(() => edge.app.close());

  const ask = (method: Method, url: string, body?: unknown, headers: Record<string, string> = {}) =>
    edge.app.inject({
      method,
      url: `${G}${url}`,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });

  const refused = async (asked: ReturnType<typeof ask>, status: number, code: string) => {
    const answer = await asked;
    assert.deepEqual([answer.statusCode, answer.json().code], [status, code], answer.body);
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
    assert.deepEqual(edge.main.orders, []);
  };

  for (const [method, url, body, status, order] of [
    ['POST', '/members', D, 201, ['add', D, {}]],
    ['POST', '/members', { ...D, role: 'observer' }, 201, ['add', { ...D, role: 'observer' }, {}]],
    ['PATCH', '/members/b', { url: 'http://B.test:80/' }, 200, ['update', 'b', { url: 'http://b.test' }, {}]],
    ['PATCH', '/members/b', { role: 'learner' }, 200, ['update', 'b', { role: 'learner' }, {}]],
    ['DELETE', '/members/b', undefined, 200, ['remove', 'b', {}]],
    ['POST', '/members/b/replace', D, 200, ['replace', 'b', D, {}]],
    ['POST', '/members/b/readmit', undefined, 200, ['readmit', 'b', {}]],
  ] as const) {
    it(`${method} ${url} ${JSON.stringify(body)} reaches the group, and is answered as GET members is`, async () => {
      const answer = await ask(method, url, body);
      assert.equal(answer.statusCode, status, answer.body);
      assert.deepEqual(edge.main.orders, [order]);
      const view = await ask('GET', '/members');
      assert.deepEqual(answer.json(), view.json());
      assert.deepEqual([answer.headers['etag'], view.headers['etag']], ['"0"', '"0"']);
      assert.equal(answer.headers['paxmesh-instance'], view.headers['paxmesh-instance']);
    });
  }

  it('hands on If-Match, force and timeoutMs', async () => {
    await ask('POST', '/members?force=true&timeoutMs=700', D, { 'if-match': '"17"' });
    await ask('DELETE', '/members/b?force=false', undefined, { 'if-match': '*' });
    await ask('POST', '/members/b/readmit', undefined, { 'if-match': '"0"' });
    assert.deepEqual(edge.main.orders, [
      ['add', D, { force: true, timeoutMs: 700, ifMatch: 17 }],
      ['remove', 'b', { force: false }],
      ['readmit', 'b', { ifMatch: 0 }],
    ]);
  });

  for (const tag of ['17', '"17', 'W/"17"', '"1", "2"', '', '**', '"1" ', "'1'"].filter(
    (each) => each.trim() === each,
  )) {
    it(`refuses If-Match: ${tag || '(empty)'} as malformed`, () =>
      refused(ask('DELETE', '/members/b', undefined, { 'if-match': tag }), 400, 'invalid-request'));
  }

  for (const tag of ['"abc"', '"01"', '"-1"', '""', '"99999999999999999999"']) {
    it(`If-Match: ${tag} is a tag that no membership has`, () =>
      refused(ask('DELETE', '/members/b', undefined, { 'if-match': tag }), 412, 'precondition-failed'));
  }

  for (const query of ['force=1', 'force=', 'force=true&force=true', 'timeoutMs=0', 'timeoutMs=60001', 'timeoutMs=x']) {
    it(`refuses ?${query}`, () => refused(ask('DELETE', `/members/b?${query}`), 400, 'invalid-request'));
  }

  for (const body of [
    undefined,
    '',
    '{',
    'null',
    '[]',
    '"d"',
    {},
    { id: 'd' },
    { url: D.url },
    { ...D, id: 'D' },
    { ...D, id: '-d' },
    { ...D, id: '' },
    { ...D, id: 'd'.repeat(64) },
    { ...D, id: 4 },
    { ...D, role: 'master' },
    { ...D, role: null },
    { ...D, roles: 'voter' },
    ...[
      '',
      'd:7004',
      '127.0.0.1:7004',
      'ftp://d:7004',
      'ws://d:7004',
      'http://',
      'http://d:7004/path',
      'http://d:7004/?x=1',
      'http://d:7004/#x',
      'http://user:word@d:7004',
      'http://user@d:7004',
      'http://d:70040',
      'file:///etc/passwd',
      'javascript:1',
      `http://${'d'.repeat(600)}:7004`,
      7004,
      null,
    ].map((url) => ({ ...D, url })),
  ]) {
    it(`refuses to add ${JSON.stringify(body) ?? 'nothing'}`, async () => {
      await refused(ask('POST', '/members', body), 400, 'invalid-request');
      const answer = await ask('POST', '/members', body);
      assert.doesNotMatch(answer.body, /user/);
    });
  }

  it('refuses a patch of nothing, of the id, and of what is no role or address', async () => {
    for (const patch of [{}, { id: 'x' }, { role: 'king' }, { url: 'x' }, { url: null }, []])
      await refused(ask('PATCH', '/members/b', patch), 400, 'invalid-request');
  });

  it('refuses a replacement with a role, or without an address', async () => {
    for (const body of [{ ...D, role: 'voter' }, { id: 'd' }, undefined])
      await refused(ask('POST', '/members/b/replace', body), 400, 'invalid-request');
  });

  it('an order that needs no body is not troubled by the Content-Type of nothing', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type };
      const answers = [
        await edge.app.inject({ method: 'DELETE', url: `${G}/members/b`, headers, payload: '' }),
        await edge.app.inject({ method: 'POST', url: `${G}/members/b/readmit`, headers, payload: '' }),
        await edge.app.inject({ method: 'DELETE', url: `${G}/master`, headers, payload: '' }),
      ];
      assert.deepEqual(
        answers.map(({ statusCode }) => statusCode),
        [200, 200, 200],
      );
    }
  });

  it('takes JSON only, uncompressed, and little of it', async () => {
    await refused(ask('POST', '/members', 'id=d', { 'content-type': 'text/plain' }), 415, 'unsupported-encoding');
    await refused(ask('POST', '/members', D, { 'content-encoding': 'gzip' }), 415, 'unsupported-encoding');
    await refused(ask('POST', '/members', { ...D, pad: 'x'.repeat(20_000) }), 413, 'value-too-large');
  });

  for (const [code, status] of [
    ['member-exists', 409],
    ['member-not-found', 404],
    ['no-change', 409],
    ['would-lose-quorum', 409],
    ['not-caught-up', 409],
    ['not-a-member', 409],
    ['precondition-failed', 412],
    ['no-quorum', 503],
    ['proposal-timeout', 504],
  ] as const) {
    it(`says ${code} with ${status}`, async () => {
      edge.main.failure = new PaxmeshError(code, 'because');
      await refused(ask('POST', '/members', D), status, code);
      await refused(ask('POST', '/master/transfer', { to: 'b' }), status, code);
      assert.equal((await ask('DELETE', '/members/b')).json().detail, 'because');
    });
  }

  it('orders about the master reach the group, and are answered as GET master is', async () => {
    const answers = [
      await ask('DELETE', '/master'),
      await ask('POST', '/master/transfer', { to: 'b' }),
      await ask('PUT', '/master/lease', { leaseMs: 1000 }),
    ];
    const view = (await ask('GET', '/master')).json();
    for (const answer of answers) assert.deepEqual([answer.statusCode, answer.json()], [200, view]);
    assert.deepEqual(edge.main.orders, [['release'], ['transfer', 'b'], ['lease', 1000]]);
  });

  const ORDERS = [
    ['DELETE', '/master', undefined, ['release']],
    ['POST', '/master/transfer', { to: 'b' }, ['transfer', 'b']],
    ['PUT', '/master/lease', { leaseMs: 1000 }, ['lease', 1000]],
    ['PUT', '/master/preferred', { node: 'b' }, ['prefer', 'b']],
    ['POST', '/checkpoints', undefined, ['checkpoint']],
    ['PATCH', '/retention', { keepInstances: 300 }, ['retention', { keepInstances: 300 }]],
  ] as const;
  for (const [method, url, body, order] of ORDERS) {
    // Tried: without OrderQuery at the route the first passes unheard, and the others are not refused.
    it(`${method} ${url} takes timeoutMs, and none that is out of bounds`, async () => {
      assert.ok((await ask(method, `${url}?timeoutMs=700`, body)).statusCode < 300);
      assert.deepEqual(edge.main.orders.splice(0), [[...order, 700]]);
      for (const query of ['timeoutMs=0', 'timeoutMs=60001', 'timeoutMs=x', 'timeoutMs=', 'timeoutMs=1&timeoutMs=1'])
        await refused(ask(method, `${url}?${query}`, body), 400, 'invalid-request');
    });
  }

  for (const leaseMs of [999, 0, -1, 1000.5, '2000', null, 3_600_001, 1e300]) {
    it(`refuses a lease of ${JSON.stringify(leaseMs)}`, () =>
      refused(ask('PUT', '/master/lease', { leaseMs }), 400, 'invalid-request'));
  }

  it('the preferred master is named, shown, and taken back', async () => {
    for (const node of ['b', null]) {
      const put = await ask('PUT', '/master/preferred', { node });
      assert.deepEqual([put.statusCode, put.json()], [200, { node }]);
      assert.deepEqual((await ask('GET', '/master/preferred')).json(), { node });
    }
    assert.deepEqual(edge.main.orders.splice(0), [
      ['prefer', 'b'],
      ['prefer', null],
    ]);
    for (const body of [
      undefined,
      {},
      { node: '' },
      { node: 'B' },
      { node: 7 },
      { to: 'b' },
      { node: 'b', force: true },
    ])
      await refused(ask('PUT', '/master/preferred', body), 400, 'invalid-request');
  });

  it('refuses a transfer to nobody, and a lease with more in it', async () => {
    for (const body of [undefined, {}, { to: '' }, { to: 'B' }, { to: ['b'] }, { to: 'b', force: true }])
      await refused(ask('POST', '/master/transfer', body), 400, 'invalid-request');
    for (const body of [undefined, {}, { leaseMs: 2000, node: 'a' }])
      await refused(ask('PUT', '/master/lease', body), 400, 'invalid-request');
  });

  it('says 404 for a group that is not there', async () => {
    const answer = await edge.app.inject({ method: 'DELETE', url: '/v1/groups/nowhere/members/b' });
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'group-not-found']);
  });

  it('wants an admin where there are tokens', async () => {
    const token = (role: 'read' | 'write' | 'admin') => ({
      name: role,
      role,
      digest: createHash('sha256').update(role).digest(),
    });
    const guarded = await buildEdge({ tokens: [token('read'), token('write'), token('admin')] });
    try {
      const json = { 'content-type': 'application/json' };
      for (const [method, url, body] of [
        ['POST', '/members', D],
        ['PATCH', '/members/b', { role: 'learner' }],
        ['DELETE', '/members/b', undefined],
        ['POST', '/members/b/replace', D],
        ['POST', '/members/b/readmit', undefined],
        ['DELETE', '/master', undefined],
        ['POST', '/master/transfer', { to: 'b' }],
        ['PUT', '/master/lease', { leaseMs: 2000 }],
        ['PUT', '/master/preferred', { node: 'b' }],
      ] as const) {
        const statuses = [];
        for (const authorization of [undefined, 'Bearer read', 'Bearer write', 'Bearer admin']) {
          const { statusCode } = await guarded.app.inject({
            method,
            url: `${G}${url}`,
            headers: { ...(body === undefined ? {} : json), ...(authorization === undefined ? {} : { authorization }) },
            ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
          });
          statuses.push(statusCode);
        }
        assert.deepEqual(statuses, [401, 403, 403, url === '/members' ? 201 : 200], `${method} ${url}`);
      }
      assert.equal(guarded.main.orders.length, 9);
    } finally {
      await guarded.app.close();
    }
  });
});
