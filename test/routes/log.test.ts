// The request log says what was asked and what came of it, and none of what may be secret.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { it } from 'node:test';
import { buildApp } from '../../src/app.js';
import { FakeNode } from '../helper.js';

it('logs method, path and status, but no query, no header, no body and no stack in the answer', async () => {
  let logged = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk;
      done();
    },
  });
  const node = new FakeNode();
  const config = { valueBytesMax: 1024, tokens: [], tls: null, logLevel: 'debug' };
  const app = await buildApp({ node, config, loggerOptions: { stream } });
  const ask = (url: string) =>
    app.inject({
      method: 'POST',
      url,
      payload: '"hunter2"',
      headers: { 'content-type': 'application/json', authorization: 'Bearer hunter2', 'idempotency-key': 'hunter2' },
    });
  assert.equal((await ask('/v1/groups/main/proposals?token=hunter2')).statusCode, 201);
  node.main.failure = new Error('disk on fire');
  assert.equal((await ask('/v1/groups/main/proposals?token=hunter2')).statusCode, 500);
  await app.close();
  const lines = logged
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const answered = lines.filter(({ msg }) => msg === 'answered');
  assert.deepEqual(
    answered.map(({ method, path, status }) => [method, path, status]),
    [
      ['POST', '/v1/groups/main/proposals', 201],
      ['POST', '/v1/groups/main/proposals', 500],
    ],
  );
  assert.ok(logged.includes('disk on fire'));
  assert.ok(!logged.includes('hunter2'));
});
