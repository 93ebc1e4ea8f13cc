// Who may do what, when the node was given tokens.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { buildEdge, type Edge } from '../helper.js';

const token = (name: string, role: 'read' | 'write' | 'admin') => ({
  name,
  role,
  digest: createHash('sha256').update(`${name}-secret`).digest(),
});

describe('tokens', () => {
  let edge: Edge;
  before(async () => {
    edge = await buildEdge({ tokens: [token('r', 'read'), token('w', 'write'), token('a', 'admin')] });
  });
  after(() => edge.app.close());

  const ask = (method: 'GET' | 'POST', url: string, authorization?: string) =>
    edge.app.inject({
      method,
      url,
      ...(method === 'POST' ? { payload: '1' } : {}),
      headers: authorization === undefined ? {} : { authorization },
    });

  for (const header of [undefined, '', 'Bearer', 'Bearer nope', 'Basic r-secret', 'r-secret', 'Bearer r-secret x']) {
    it(`refuses ${header ?? 'no header'} with 401`, async () => {
      const answer = await ask('GET', '/v1/node', header);
      assert.deepEqual(
        [answer.statusCode, answer.json().code, answer.headers['www-authenticate']],
        [401, 'unauthenticated', 'Bearer'],
      );
      assert.ok(!answer.body.includes('nope'));
    });
  }

  it('lets every role do what it is for, and no more', async () => {
    const proposals = '/v1/groups/main/proposals';
    const statuses = await Promise.all([
      ask('GET', '/v1/node', 'Bearer r-secret'),
      ask('POST', proposals, 'Bearer r-secret'),
      ask('GET', '/v1/node', 'bearer w-secret'),
      ask('POST', proposals, 'Bearer w-secret'),
      ask('POST', proposals, 'Bearer a-secret'),
    ]);
    assert.deepEqual(
      statuses.map(({ statusCode }) => statusCode),
      [200, 403, 200, 201, 201],
    );
    assert.equal(statuses[1]?.json().code, 'forbidden');
    assert.equal(edge.main.received.length, 2);
  });

  it('leaves health, metrics and documents open', async () => {
    for (const url of ['/livez', '/readyz', '/metrics', '/openapi.json', '/docs'])
      assert.equal((await ask('GET', url)).statusCode, 200, url);
  });

  it('refuses a follower without a token before the upgrade', async () => {
    const socket = { remoteAddress: '127.0.0.1' };
    await assert.rejects(edge.app.injectWS('/v1/groups/main/feed', { socket } as object), /401/);
    const client = await edge.app.injectWS('/v1/groups/main/feed', {
      socket,
      headers: { authorization: 'Bearer r-secret' },
    } as object);
    client.terminate();
    assert.equal((await ask('GET', '/v1/groups/main/events')).statusCode, 401);
  });
});
