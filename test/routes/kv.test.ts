// Keys and values over HTTP: what is kept, how preconditions are told, and what stands in the log.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import { commandBytesMaxFor } from '../../src/machines/value-limit.js';
import { buildStateEdge, type StateGroup, VALUE_BYTES_MAX } from './state-edge.js';

const KV = '/v1/groups/main/kv';
const json = { 'content-type': 'application/json' };

describe('kv over HTTP', () => {
  let app: Awaited<ReturnType<typeof buildStateEdge>>['app'];
  let main: StateGroup;
  beforeEach(async () => {
    ({ app, main } = await buildStateEdge());
  });
  afterEach(() => app.close());

  const put = (key: string, payload: string | Buffer = '1', headers: Record<string, string> = json) =>
    app.inject({ method: 'PUT', url: `${KV}/${key}`, payload, headers });
  const get = (key: string, headers: Record<string, string> = {}) => app.inject({ url: `${KV}/${key}`, headers });
  const remove = (key: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'DELETE', url: `${KV}/${key}`, headers });
  const refused = (answer: Awaited<ReturnType<typeof get>>, status: number, code: string) => {
    assert.equal(answer.statusCode, status);
    assert.deepEqual([answer.json().code, answer.json().outcome], [code, 'none']);
  };

  it('answers 201 for a new key and 200 for a known one, with the place and the ETag of the write', async () => {
    const first = await put('k');
    assert.equal(first.statusCode, 201);
    assert.deepEqual(first.json(), { instanceId: 0, index: 0 });
    assert.equal(first.headers.etag, '"0.0"');
    const second = await put('k', 'text', { 'content-type': 'text/plain' });
    assert.equal(second.statusCode, 200);
    assert.deepEqual(second.json(), { instanceId: 1, index: 0 });
    assert.equal(second.headers.etag, '"1.0"');
    const held = await get('k');
    assert.equal(held.statusCode, 200);
    assert.deepEqual([held.body, held.headers['content-type'], held.headers.etag], ['text', 'text/plain', '"1.0"']);
    assert.equal(held.headers['paxmesh-read'], 'linearizable');
    assert.equal(held.headers['paxmesh-instance'], '1');
    assert.equal(held.headers['content-security-policy'], 'sandbox');
  });

  for (const [type, body] of [
    ['application/json', ' {"b":1e400,"a":2,"b":3,"__proto__":{}}\n'],
    ['application/ld+json; profile="x"', '"\\ud800"'],
    ['text/csv; charset=utf-8', '\ufeffa,b\r\n"é",\u0000'],
    ['image/png', Buffer.from([0, 255, 254, 128, 10])],
    ['text/plain', ''],
  ] as const) {
    it(`gives ${type} back byte for byte under its own type`, async () => {
      assert.equal((await put('k', body, { 'content-type': type })).statusCode, 201);
      const held = await get('k');
      assert.deepEqual(held.rawPayload, Buffer.from(body));
      assert.equal(held.headers['content-type'], type);
      const head = await app.inject({ method: 'HEAD', url: `${KV}/k` });
      assert.equal(head.statusCode, 200);
      assert.deepEqual([head.body, head.headers.etag], ['', '"0.0"']);
      assert.equal(head.headers['content-length'], String(Buffer.from(body).length));
    });
  }

  it('takes bytes without a Content-Type, and gives them back as bytes', async () => {
    await put('k', Buffer.from([1, 2]), {});
    const held = await get('k');
    assert.deepEqual(
      [held.rawPayload, held.headers['content-type']],
      [Buffer.from([1, 2]), 'application/octet-stream'],
    );
  });

  it('puts JSON into the log that a follower can keep a copy with', async () => {
    await app.inject({
      method: 'PUT',
      url: `${KV}/k?ttlMs=5`,
      payload: '{"a":1e400}',
      headers: { ...json, 'if-none-match': '*' },
    });
    assert.equal(
      Buffer.from(main.received[0]?.bytes ?? '').toString(),
      '{"op":"put","key":"k","contentType":"application/json","encoding":"json","ttlMs":5,"ifNoneMatch":true,"value":{"a":1e400}}',
    );
    assert.deepEqual([main.received[0]?.machine, main.received[0]?.encoding], ['kv', 'json']);
  });

  // Fails when the wrapping counts, or when text is left as JSON blows it up: tried.
  for (const [what, type, body] of [
    ['bytes', 'application/octet-stream', Buffer.alloc(VALUE_BYTES_MAX, 0xfe)],
    ['JSON', 'application/json', `"${'y'.repeat(VALUE_BYTES_MAX - 2)}"`],
    ['text', 'text/plain', 'x'.repeat(VALUE_BYTES_MAX)],
    ['text that JSON writes twice as long', 'text/plain', '"'.repeat(VALUE_BYTES_MAX)],
    ['text that JSON writes six times as long', 'text/plain', '\u0001'.repeat(VALUE_BYTES_MAX)],
  ] as const) {
    it(`counts the value itself, not its command: ${what} of exactly the limit under the longest key`, async () => {
      const key = encodeURIComponent('\u0001'.repeat(1024));
      const headers = { 'content-type': `${type};x=${'"'.repeat(200)}` };
      assert.equal((await put(key, body, headers)).statusCode, 201);
      const { valueBytes, bytes } = main.received[0] ?? {};
      assert.equal(valueBytes, VALUE_BYTES_MAX);
      assert.ok((bytes?.length ?? Infinity) <= commandBytesMaxFor(VALUE_BYTES_MAX));
      const held = await get(key);
      assert.deepEqual(held.rawPayload, Buffer.from(body));
      assert.equal(held.headers['content-type'], headers['content-type']);
      const over = Buffer.concat([Buffer.from(body), Buffer.from(' ')]);
      refused(await put('k', over, headers), 413, 'value-too-large');
    });
  }

  it('takes any key that is UTF-8, with slashes and whatever else is percent-encoded', async () => {
    for (const key of [
      'a/b//c',
      'é \u{1f600}',
      '%',
      '..a',
      '__proto__',
      'x'.repeat(1024),
      '\u{1f600}'.repeat(256),
      '?#&',
    ]) {
      const answer = await put(encodeURIComponent(key), JSON.stringify(key));
      assert.equal(answer.statusCode, 201, key.slice(0, 20));
      assert.equal((await get(encodeURIComponent(key))).json(), key);
    }
    assert.equal((await app.inject(KV)).json().items.length, 8);
    for (const key of ['x'.repeat(1025), 'é'.repeat(513), 'a\0b', ''])
      refused(await put(encodeURIComponent(key)), 400, 'invalid-request');
    for (const method of ['GET', 'DELETE'] as const) {
      refused(await app.inject({ method, url: `${KV}/${'x'.repeat(1025)}` }), 400, 'invalid-request');
    }
  });

  it('compares and sets by ETag', async () => {
    refused(await put('k', '1', { ...json, 'if-match': '*' }), 412, 'precondition-failed');
    refused(await put('k', '1', { ...json, 'if-match': '"0.0"' }), 412, 'precondition-failed');
    refused(await remove('k', { 'if-match': '"0.0"' }), 412, 'precondition-failed');
    const { etag } = (await put('k', '1', { ...json, 'if-none-match': '*' })).headers as { etag: string };
    refused(await put('k', '2', { ...json, 'if-none-match': '*' }), 412, 'precondition-failed');
    for (const other of ['"0.0"', `W/${etag}`, '"abc"']) {
      refused(await put('k', '2', { ...json, 'if-match': other }), 412, 'precondition-failed');
    }
    assert.equal((await get('k')).body, '1');
    assert.equal((await put('k', '2', { ...json, 'if-match': etag })).statusCode, 200);
    refused(await remove('k', { 'if-match': etag }), 412, 'precondition-failed');
    assert.equal((await remove('k', { 'if-match': '*' })).statusCode, 204);
    for (const bad of ['12.0', '"a", "b"', '""', 'x']) {
      refused(await put('k', '1', { ...json, 'if-match': bad }), 400, 'invalid-request');
      refused(await remove('k', { 'if-match': bad }), 400, 'invalid-request');
    }
    refused(await put('k', '1', { ...json, 'if-none-match': '"1.0"' }), 400, 'invalid-request');
    refused(await remove('k', { 'if-none-match': '*' }), 400, 'invalid-request');
  });

  it('removes a key once, and a missing one not at all', async () => {
    await put('k');
    const gone = await remove('k');
    assert.deepEqual([gone.statusCode, gone.body, gone.headers.etag], [204, '', '"1.0"']);
    refused(await remove('k'), 404, 'key-not-found');
    refused(await get('k'), 404, 'key-not-found');
    assert.equal((await put('k')).statusCode, 201);
  });

  it('answers 304 to who has the value already', async () => {
    await put('k');
    const same = await get('k', { 'if-none-match': '"9.9", W/"0.0"' });
    assert.deepEqual([same.statusCode, same.body, same.headers.etag], [304, '', '"0.0"']);
    assert.equal((await get('k', { 'if-none-match': '"9.9"' })).statusCode, 200);
  });

  it('lets a value go when its time has come', async () => {
    assert.equal(
      (await app.inject({ method: 'PUT', url: `${KV}/k?ttlMs=50`, payload: '1', headers: json })).statusCode,
      201,
    );
    main.pass(49);
    assert.equal((await get('k')).statusCode, 200);
    main.pass(1);
    refused(await get('k'), 404, 'key-not-found');
    for (const ttlMs of ['0', '315360000001', '1.5', 'x']) {
      refused(
        await app.inject({ method: 'PUT', url: `${KV}/k?ttlMs=${ttlMs}`, payload: '1', headers: json }),
        400,
        'invalid-request',
      );
    }
  });

  it('lists in pages, JSON verbatim', async () => {
    for (const key of ['b', 'a%2F1', 'a%2F2']) await put(key, '1e400');
    await put('a%2F3', 'é', { 'content-type': 'text/plain' });
    await put('c', Buffer.from([255]), {});
    const page = await app.inject(`${KV}?prefix=a/&limit=2`);
    assert.equal(
      page.body,
      '{"items":[{"key":"a/1","encoding":"json","value":1e400,"etag":"\\"1.0\\""},{"key":"a/2","encoding":"json","value":1e400,"etag":"\\"2.0\\""}],"next":"a/2"}',
    );
    const rest = (await app.inject(`${KV}?prefix=a/&limit=2&after=a%2F2`)).json();
    assert.deepEqual(rest, { items: [{ key: 'a/3', encoding: 'utf8', value: 'é', etag: '"3.0"' }], next: null });
    const all = (await app.inject(`${KV}?after=a%2F3`)).json();
    assert.deepEqual(
      all.items.map(({ key }: { key: string }) => key),
      ['b', 'c'],
    );
    assert.equal(all.items[1].value, '/w==');
    for (const limit of ['0', '1001', 'x']) refused(await app.inject(`${KV}?limit=${limit}`), 400, 'invalid-request');
  });

  it('gives a repeated request its first answer, status and all', async () => {
    const headers = { ...json, 'idempotency-key': 'once' };
    const first = await put('k', '1', headers);
    await put('k', '2');
    const again = await put('k', '1', headers);
    assert.deepEqual([again.statusCode, again.body, again.headers.etag], [201, first.body, first.headers.etag]);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(first.headers['idempotency-replayed'], undefined);
    assert.equal((await get('k')).body, '2');
    refused(await put('k', '3', headers), 422, 'idempotency-key-reused');
    const removing = { 'idempotency-key': 'gone' };
    assert.equal((await remove('missing', removing)).statusCode, 404);
    await put('missing');
    const replayed = await remove('missing', removing);
    refused(replayed, 404, 'key-not-found');
    assert.equal(replayed.headers['idempotency-replayed'], 'true');
  });

  it('takes the parameters of a proposal', async () => {
    await app
      .inject({
        method: 'PUT',
        url: `${KV}/k?timeoutMs=77&route=local`,
        payload: '1',
        headers: { ...json, 'if-master': '5' },
      })
      .then((answer) => refused(answer, 412, 'precondition-failed'));
    assert.deepEqual(main.options[0], { timeoutMs: 77, route: 'local', ifMaster: 5 });
    main.master = { node: 'b', url: 'http://b.test' };
    for (const method of ['PUT', 'DELETE'] as const) {
      const sent = await app.inject({ method, url: `${KV}/a%2Fb?route=redirect` });
      assert.deepEqual([sent.statusCode, sent.headers.location], [307, `http://b.test${KV}/a%2Fb?route=redirect`]);
    }
    for (const query of ['timeoutMs=0', 'timeoutMs=60001', 'route=x']) {
      refused(await app.inject({ method: 'PUT', url: `${KV}/k?${query}` }), 400, 'invalid-request');
    }
  });

  it('reads as fresh as it is asked to, and says how fresh that was', async () => {
    await put('k');
    for (const url of [`${KV}/k`, KV]) {
      const local = await app.inject(`${url}?read=local&minInstance=0&timeoutMs=9`);
      assert.equal(local.statusCode, 200);
      assert.equal(local.headers['paxmesh-read'], 'local');
      assert.deepEqual(main.reads.at(-1), { read: 'local', minInstance: 0, timeoutMs: 9 });
      for (const query of ['read=fresh', 'minInstance=-1', 'minInstance=x', 'timeoutMs=0']) {
        refused(await app.inject(`${url}?${query}`), 400, 'invalid-request');
      }
    }
    main.afterRead = () => main.order('kv', { op: 'put', key: 'k', value: 2 });
    const read = await get('k');
    assert.deepEqual(
      [read.body, read.headers['paxmesh-instance']],
      ['1', '0'],
      'what came after it is not in the answer',
    );
    main.failure = new PaxmeshError('no-quorum', 'alone');
    refused(await get('k'), 503, 'no-quorum');
  });

  it('refuses malformed bodies before anything is proposed', async () => {
    refused(await put('k', '{', json), 400, 'invalid-request');
    refused(await put('k', Buffer.from([255]), { 'content-type': 'text/plain' }), 400, 'invalid-request');
    refused(await put('k', '1', { ...json, 'content-encoding': 'gzip' }), 415, 'unsupported-encoding');
    refused(await put('k', '1', { 'content-type': `text/plain; x=${'y'.repeat(300)}` }), 400, 'invalid-request');
    refused(await put('k', 'x'.repeat(100_001), { 'content-type': 'text/plain' }), 413, 'value-too-large');
    assert.equal(main.received.length, 0);
  });
});

describe('kv with tokens', () => {
  it('lets readers read and writers write', async () => {
    const { createHash } = await import('node:crypto');
    const token = (name: string, role: 'read' | 'write') => ({
      name,
      role,
      digest: createHash('sha256').update(name).digest(),
    });
    const { app } = await buildStateEdge({ tokens: [token('reader', 'read'), token('writer', 'write')] });
    const as = (name: string, method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, payload?: object) =>
      app.inject({
        method,
        url: `/v1/groups/main/${path}`,
        headers: { authorization: `Bearer ${name}` },
        ...(payload === undefined ? {} : { payload }),
      });
    const order = { owner: 'o', ttlMs: 1000 };
    for (const [method, path, payload] of [
      ['PUT', 'kv/k', { a: 1 }],
      ['DELETE', 'kv/k', undefined],
      ['PUT', 'locks/l', order],
      ['DELETE', 'locks/l?fence=1', undefined],
      ['POST', 'counters/c', { add: 1 }],
    ] as const) {
      assert.equal((await as('reader', method, path, payload)).statusCode, 403);
      assert.ok((await as('writer', method, path, payload)).statusCode < 300, path);
      assert.equal((await app.inject({ method, url: `/v1/groups/main/${path}` })).statusCode, 401);
    }
    for (const path of ['kv', 'counters/c']) assert.equal((await as('reader', 'GET', path)).statusCode, 200);
    for (const path of ['kv/k', 'locks/l']) assert.equal((await as('reader', 'GET', path)).statusCode, 404);
    await app.close();
  });
});
