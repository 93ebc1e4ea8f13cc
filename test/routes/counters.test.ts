import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { buildStateEdge, type StateGroup } from './state-edge.js';

const URL = '/v1/groups/main/counters/c';

describe('counters over HTTP', () => {
  let app: Awaited<ReturnType<typeof buildStateEdge>>['app'];
  let main: StateGroup;
  beforeEach(async () => {
    ({ app, main } = await buildStateEdge());
  });
  afterEach(() => app.close());

  const add = (payload: object, headers: Record<string, string> = {}, url = URL) =>
    app.inject({ method: 'POST', url, payload, headers });

  it('counts, from 0, up and down', async () => {
    assert.deepEqual((await app.inject(URL)).json(), { value: 0 });
    const answer = await add({ add: 5 });
    assert.deepEqual([answer.statusCode, answer.json()], [200, { value: 5 }]);
    assert.deepEqual((await add({ add: -7 })).json(), { value: -2 });
    const read = await app.inject(`${URL}?read=local`);
    assert.deepEqual(
      [read.json(), read.headers['paxmesh-read'], read.headers['paxmesh-instance']],
      [{ value: -2 }, 'local', '1'],
    );
    assert.equal(Buffer.from(main.received[0]?.bytes ?? '').toString(), '{"op":"add","name":"c","add":5}');
  });

  it('counts a repeated request once', async () => {
    for (const replayed of [undefined, 'true']) {
      const answer = await add({ add: 5 }, { 'idempotency-key': 'once' });
      assert.deepEqual([answer.json(), answer.headers['idempotency-replayed']], [{ value: 5 }, replayed]);
    }
    assert.deepEqual((await app.inject(URL)).json(), { value: 5 });
  });

  it('refuses what cannot be added, and a sum that is no safe integer', async () => {
    for (const payload of [{}, { add: 1.5 }, { add: '1' }, { add: null }, { add: 2 ** 53 }, { add: 1, by: 2 }, []]) {
      const answer = await add(payload);
      assert.deepEqual([answer.statusCode, answer.json().code], [400, 'invalid-request'], JSON.stringify(payload));
    }
    assert.equal(main.received.length, 0);
    await add({ add: Number.MAX_SAFE_INTEGER });
    const over = await add({ add: 1 });
    assert.deepEqual([over.statusCode, over.json().code, over.json().outcome], [422, 'command-rejected', 'none']);
    assert.deepEqual((await app.inject(URL)).json(), { value: Number.MAX_SAFE_INTEGER });
    assert.equal((await add({ add: 1 }, {}, `/v1/groups/main/counters/${'x'.repeat(1025)}`)).statusCode, 400);
  });
});
