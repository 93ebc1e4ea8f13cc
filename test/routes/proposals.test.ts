// Values at the door: what is taken, what is refused, and that nothing is changed on the way.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import { buildEdge, type Edge, VALUE_BYTES_MAX } from '../helper.js';

const URL = '/v1/groups/main/proposals';
const json = { 'content-type': 'application/json' };

describe('POST proposals', () => {
  let edge: Edge;
  beforeEach(async () => {
    edge = await buildEdge();
  });
  afterEach(() => edge.app.close());

  const post = (payload: string | Buffer, headers: Record<string, string> = json, url = URL) =>
    edge.app.inject({ method: 'POST', url, payload, headers });
  const kept = (): string => Buffer.from(edge.main.received.at(-1)?.bytes ?? '').toString('latin1');
  const refused = (
    answer: { statusCode: number; headers: object; json: () => unknown },
    status: number,
    code: string,
  ): void => {
    assert.equal(answer.statusCode, status);
    const body = answer.json() as Record<string, unknown>;
    assert.deepEqual([body.code, body.status, body.outcome], [code, status, 'none']);
    assert.match(String((answer.headers as Record<string, unknown>)['content-type']), /^application\/problem\+json/);
    assert.equal(edge.main.received.length, 0);
  };

  it('answers 201 with the place of the value, its location, the node and the last applied instance', async () => {
    const answer = await post('{"a":1}');
    assert.equal(answer.statusCode, 201);
    assert.deepEqual(answer.json(), { group: 'main', instanceId: 0, index: 0, result: null });
    assert.equal(answer.headers.location, '/v1/groups/main/instances/0');
    assert.equal(answer.headers['paxmesh-node'], 'a');
    assert.equal(answer.headers['paxmesh-instance'], '0');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.match(String(answer.headers['content-type']), /^application\/json/);
  });

  for (const text of [
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '[1e400, -0, 1.10, 123456789012345678901234567890]',
    '{"b":1,"a":2,"b":3}',
    ' {"a" :\n1}\n',
    '"\\ud800 \\u0000"',
    'null',
    `${'['.repeat(500)}${']'.repeat(500)}`,
  ]) {
    it(`keeps the JSON ${JSON.stringify(text.slice(0, 40))} byte for byte, there and back`, async () => {
      assert.equal((await post(text)).statusCode, 201);
      assert.equal(kept(), text);
      assert.equal(edge.main.received.at(-1)?.encoding, 'json');
      const back = await edge.app.inject('/v1/groups/main/instances/0');
      assert.ok(back.body.includes(`"value":${text}`));
      const page = await edge.app.inject('/v1/groups/main/instances');
      assert.ok(page.body.includes(`"value":${text}`));
    });
  }

  it('takes JSON nested 100,000 deep without falling over', async () => {
    const deep = await buildEdge({ valueBytesMax: 1_000_000 });
    const payload = '['.repeat(100_000) + ']'.repeat(100_000);
    const answer = await deep.app.inject({ method: 'POST', url: URL, payload, headers: json });
    assert.ok(answer.statusCode === 201 || answer.statusCode === 400);
    await deep.app.close();
  });

  it('keeps text with its byte order mark', async () => {
    assert.equal((await post('\ufeffhello', { 'content-type': 'text/plain; charset=utf-8' })).statusCode, 201);
    assert.equal(kept(), Buffer.from('\ufeffhello').toString('latin1'));
    assert.equal(edge.main.received[0]?.encoding, 'utf8');
  });

  for (const [type, encoding] of [
    ['application/ld+json; profile=x', 'json'],
    ['Application/JSON; charset=UTF-8', 'json'],
    ['text/csv', 'utf8'],
    ['application/octet-stream', 'base64'],
    ['image/png', 'base64'],
  ] as const) {
    it(`keeps ${type} as ${encoding}`, async () => {
      assert.equal((await post('12', { 'content-type': type })).statusCode, 201);
      assert.equal(edge.main.received[0]?.encoding, encoding);
    });
  }

  it('takes bytes without a content type, and an empty value', async () => {
    const bytes = Buffer.from([0, 255, 254, 128]);
    assert.equal((await post(bytes, {})).statusCode, 201);
    assert.equal(kept(), bytes.toString('latin1'));
    assert.equal((await edge.app.inject({ method: 'POST', url: URL })).statusCode, 201);
    assert.equal(edge.main.received[1]?.bytes.length, 0);
  });

  for (const body of ['{', '', '\ufeff{}', '{"a":\u0000}', 'NaN', "{'a':1}", '1 2']) {
    it(`refuses ${JSON.stringify(body)} as JSON`, async () => refused(await post(body), 400, 'invalid-request'));
  }

  it('refuses JSON and text that is not UTF-8', async () => {
    refused(await post(Buffer.from([0x22, 0xff, 0x22])), 400, 'invalid-request');
    refused(await post(Buffer.from([0xc3, 0x28]), { 'content-type': 'text/plain' }), 400, 'invalid-request');
    refused(await post('a', { 'content-type': 'text/plain; charset=latin1' }), 400, 'invalid-request');
  });

  for (const type of ['garbage', 'a b/c', ';', 'text/', '/plain', 'text/plain/x y']) {
    it(`takes a body whose Content-Type is no media type, ${type}, as bytes`, async () => {
      assert.equal((await post('{', { 'content-type': type })).statusCode, 201);
      assert.deepEqual([kept(), edge.main.received[0]?.encoding], ['{', 'base64']);
    });
  }

  it('takes a value of exactly the limit, refuses one byte more, and takes the next small one', async () => {
    const bytes = { 'content-type': 'application/octet-stream' };
    refused(await post(Buffer.alloc(VALUE_BYTES_MAX + 1), bytes), 413, 'value-too-large');
    assert.equal((await post(Buffer.alloc(VALUE_BYTES_MAX), bytes)).statusCode, 201);
    assert.equal((await post('1')).statusCode, 201);
  });

  it('refuses a content encoding', async () =>
    refused(await post('1', { ...json, 'content-encoding': 'gzip' }), 415, 'unsupported-encoding'));

  it('passes headers and query on', async () => {
    const headers = { ...json, 'paxmesh-machine': 'kv', 'idempotency-key': 'k-1', 'if-master': '7' };
    assert.equal((await post('1', headers, `${URL}?timeoutMs=250&route=local&unknown=1`)).statusCode, 201);
    assert.deepEqual(edge.main.options[0], { timeoutMs: 250, route: 'local', ifMaster: 7 });
    assert.deepEqual([edge.main.received[0]?.machine, edge.main.received[0]?.idempotencyKey], ['kv', 'k-1']);
  });

  for (const query of [
    'timeoutMs=0',
    'timeoutMs=60001',
    'timeoutMs=5e3',
    'timeoutMs=%205',
    'timeoutMs=',
    'timeoutMs=1&timeoutMs=2',
    'route=sideways',
  ]) {
    it(`refuses ?${query}`, async () => refused(await post('1', json, `${URL}?${query}`), 400, 'invalid-request'));
  }

  for (const [name, value] of [
    ['idempotency-key', 'x'.repeat(256)],
    ['idempotency-key', 'a b'],
    ['idempotency-key', ''],
    ['if-master', '-1'],
    ['if-master', '9007199254740992'],
    ['paxmesh-machine', 'm'.repeat(65)],
  ] as const) {
    it(`refuses the header ${name}: ${value.slice(0, 20)}`, async () =>
      refused(await post('1', { ...json, [name]: value }), 400, 'invalid-request'));
  }

  it('tells a replayed answer', async () => {
    const headers = { ...json, 'idempotency-key': 'once' };
    const first = await post('1', headers);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const second = await post('1', headers);
    assert.equal(second.statusCode, 201);
    assert.equal(second.body, first.body);
    assert.equal(second.headers['idempotency-replayed'], 'true');
    assert.match(String(second.headers['idempotency-window']), /^instances=\d+, keys=\d+$/);
    assert.equal((await post('1')).headers['idempotency-window'], undefined);
    assert.equal((await post('2', headers)).json().code, 'idempotency-key-reused');
    const looked = await edge.app.inject(`${URL}/once`);
    assert.deepEqual(looked.json(), { state: 'applied', instanceId: 0, index: 0, result: null });
  });

  it('redirects to another master, and proposes here when this node is the master or there is none', async () => {
    edge.main.master = { node: 'b', url: 'http://b.test', self: false };
    const answer = await post('1', json, `${URL}?route=redirect&timeoutMs=9`);
    assert.equal(answer.statusCode, 307);
    assert.equal(answer.headers.location, `http://b.test${URL}?route=redirect&timeoutMs=9`);
    assert.equal(edge.main.received.length, 0);
    edge.main.master = { node: 'a', self: false };
    assert.equal((await post('1', json, `${URL}?route=redirect`)).statusCode, 201);
    edge.main.master = { node: null, url: null, self: false };
    assert.equal((await post('1', json, `${URL}?route=redirect`)).statusCode, 201);
  });

  it("gives the engine's refusals their status, outcome and Retry-After", async () => {
    edge.main.failure = new PaxmeshError('overloaded', 'too much', { retryAfterMs: 1200, facts: { queued: 5 } });
    const answer = await post('1');
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.headers['retry-after'], '2');
    assert.deepEqual(answer.json(), {
      type: '/docs#overloaded',
      title: 'Overloaded',
      status: 503,
      detail: 'too much',
      code: 'overloaded',
      outcome: 'none',
      retryable: true,
      queued: 5,
    });
    edge.main.failure = new PaxmeshError('proposal-timeout', 'late');
    assert.deepEqual([(await post('1')).statusCode, (await post('1')).json().outcome], [504, 'unknown']);
  });

  it('tells a replayed error by the header alone: the document is that of the first answer', async () => {
    const facts = { instanceId: 3, index: 0, reason: 'no' };
    edge.main.failure = new PaxmeshError('command-rejected', 'no', { facts });
    const first = await post('1', { ...json, 'idempotency-key': 'k' });
    edge.main.failure = new PaxmeshError('command-rejected', 'no', { facts, replayed: true });
    const second = await post('1', { ...json, 'idempotency-key': 'k' });
    assert.deepEqual([first.statusCode, second.statusCode], [422, 422]);
    assert.equal(second.body, first.body);
    assert.deepEqual(
      [first.headers['idempotency-replayed'], second.headers['idempotency-replayed']],
      [undefined, 'true'],
    );
  });

  it('tells nothing of an unexpected error', async () => {
    edge.main.failure = new Error('secret detail');
    const answer = await post('1');
    assert.equal(answer.statusCode, 500);
    assert.deepEqual([answer.json().code, answer.json().outcome], ['internal', 'unknown']);
    assert.ok(!answer.body.includes('secret') && !answer.body.includes('at '));
  });

  it('refuses unknown and reserved machines, groups and keys', async () => {
    refused(await post('1', { ...json, 'paxmesh-machine': 'nope' }), 422, 'unknown-machine');
    refused(await post('1', { ...json, 'paxmesh-machine': '$master' }), 403, 'forbidden');
    refused(await post('1', json, '/v1/groups/nope/proposals'), 404, 'group-not-found');
    refused(await edge.app.inject(`${URL}/unheard`), 404, 'key-not-found');
  });

  it('takes no write from a page of another origin', async () => {
    refused(await post('1', { ...json, origin: 'http://evil.test' }), 403, 'forbidden');
    assert.equal((await post('1', { ...json, origin: 'http://localhost:80', host: 'localhost' })).statusCode, 201);
  });
});
