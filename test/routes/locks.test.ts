// Locks over HTTP, and the line of those who wait for one on this node.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { buildStateEdge, type StateGroup } from './state-edge.js';

const URL = '/v1/groups/main/locks/l';

describe('locks over HTTP', () => {
  let app: Awaited<ReturnType<typeof buildStateEdge>>['app'];
  let main: StateGroup;
  beforeEach(async () => {
    ({ app, main } = await buildStateEdge());
  });
  afterEach(() => app.close());

  const order = (owner: string, query = '', more: object = {}, headers: Record<string, string> = {}) =>
    app.inject({ method: 'PUT', url: URL + query, payload: { owner, ttlMs: 1000, ...more }, headers });
  const release = (fence: number) => app.inject({ method: 'DELETE', url: `${URL}?fence=${fence}` });
  /** Until so many wait for the group to change: those behind the first of the line do not. */
  const untilWaiting = async (count: number) => {
    while (main.waiting < count) await turn();
  };

  it('is acquired, seen, renewed and released by its fence', async () => {
    const got = await order('a');
    assert.deepEqual([got.statusCode, got.json()], [200, { owner: 'a', fence: 1, expiresInMs: 1000 }]);
    main.pass(400);
    assert.deepEqual((await app.inject(URL)).json(), { owner: 'a', fence: 1, expiresInMs: 600 });
    assert.deepEqual((await order('a', '', { fence: 1 })).json(), { owner: 'a', fence: 1, expiresInMs: 1000 });
    const gone = await app.inject({ method: 'DELETE', url: URL, payload: { fence: 1 } });
    assert.deepEqual([gone.statusCode, gone.json()], [200, { owner: 'a', fence: 1, expiresInMs: 0 }]);
    for (const answer of [await release(1), await app.inject(URL)]) {
      assert.deepEqual([answer.statusCode, answer.json().code], [404, 'key-not-found']);
    }
    const late = await order('a', '', { fence: 1 });
    assert.deepEqual([late.statusCode, late.json().code], [412, 'precondition-failed']);
    assert.equal((await order('b')).json().fence, 2);
  });

  it('tells who holds it to who comes too early or with another fence', async () => {
    await order('a');
    for (const answer of [await order('b'), await order('a'), await order('b', '', { fence: 2 }), await release(2)]) {
      assert.equal(answer.statusCode, 409);
      const { code, owner, fence, expiresInMs, outcome, retryable } = answer.json();
      assert.deepEqual(
        [code, owner, fence, expiresInMs, outcome, retryable],
        ['lock-held', 'a', 1, 1000, 'none', true],
      );
    }
  });

  it('refuses malformed orders before anything is proposed', async () => {
    for (const payload of [
      {},
      { owner: 'a' },
      { ttlMs: 1 },
      { owner: '', ttlMs: 1 },
      { owner: 'a', ttlMs: 0 },
      { owner: 'a\0', ttlMs: 1 },
      { owner: 'a', ttlMs: 1, fence: '1' },
      { owner: 'a', ttlMs: 1, fense: 1 },
    ]) {
      const answer = await app.inject({ method: 'PUT', url: URL, payload });
      assert.deepEqual([answer.statusCode, answer.json().code], [400, 'invalid-request'], JSON.stringify(payload));
    }
    for (const query of ['', '?fence=x', '?fence=-1']) {
      assert.equal((await app.inject({ method: 'DELETE', url: URL + query })).statusCode, 400);
    }
    assert.equal((await app.inject({ method: 'DELETE', url: URL, payload: { fence: '1' } })).statusCode, 400);
    for (const waitMs of ['-1', '60001']) assert.equal((await order('a', `?waitMs=${waitMs}`)).statusCode, 400);
    assert.equal(main.received.length, 0);
  });

  it('is given to those who wait in the order in which they came', async () => {
    await order('holder');
    const got: string[] = [];
    const waiting = ['a', 'b', 'c'].map((owner) =>
      order(owner, '?waitMs=60000').then((answer) => {
        assert.equal(answer.statusCode, 200);
        got.push(owner);
        return answer.json() as { fence: number };
      }),
    );
    await untilWaiting(1);
    let fence = 1;
    for (const each of waiting) {
      await release(fence);
      ({ fence } = await each);
      await untilWaiting(got.length < 3 ? 1 : 0);
    }
    assert.deepEqual(got, ['a', 'b', 'c']);
    assert.deepEqual(
      main.received.filter(({ bytes }) => Buffer.from(bytes).includes('acquire')).length,
      4,
      'nobody asks for a lock that is held',
    );
  });

  it('is given to the one who waits when the holder lets its time pass', async () => {
    await order('holder');
    const waiting = order('a', '?waitMs=60000');
    await untilWaiting(1);
    main.pass(999);
    main.pass(1);
    assert.deepEqual((await waiting).json(), { owner: 'a', fence: 2, expiresInMs: 1000 });
  });

  it('is refused at the end of the wait, with who holds it', async () => {
    await order('holder');
    const [first, second] = await Promise.all([order('a', '?waitMs=50'), order('b', '?waitMs=40')]);
    for (const answer of [first, second]) {
      assert.deepEqual([answer.statusCode, answer.json().owner, answer.json().fence], [409, 'holder', 1]);
    }
    await release(1);
    assert.equal((await order('c', '?waitMs=50')).json().fence, 2, 'nobody is left in the line');
  });

  it('is waited for on when somebody on another node was faster', async () => {
    await order('holder');
    const waiting = order('a', '?waitMs=60000');
    await untilWaiting(1);
    let thefts = 0;
    main.rival = (text) => {
      if (!text.includes('"owner":"a"') || thefts === 2) return;
      thefts += 1;
      main.order('lock', { op: 'acquire', name: 'l', owner: 'thief', ttlMs: 1000 });
    };
    for (const fence of [1, 2, 3]) {
      await release(fence);
      await untilWaiting(fence < 3 ? 1 : 0);
    }
    assert.deepEqual((await waiting).json(), { owner: 'a', fence: 4, expiresInMs: 1000 });
    assert.equal(thefts, 2);
  });

  it('is asked for once by a request with an idempotency key, whose answer the group remembers', async () => {
    await order('holder');
    const waiting = order('a', '?waitMs=60000', {}, { 'idempotency-key': 'once' });
    await untilWaiting(1);
    main.rival = (text) => {
      if (text.includes('"owner":"a"')) main.order('lock', { op: 'acquire', name: 'l', owner: 'thief', ttlMs: 1000 });
    };
    await release(1);
    const answer = await waiting;
    assert.deepEqual([answer.statusCode, answer.json().owner], [409, 'thief']);
    main.rival = () => undefined;
    const again = await order('a', '', {}, { 'idempotency-key': 'once' });
    assert.deepEqual([again.statusCode, again.headers['idempotency-replayed']], [409, 'true']);
  });

  it('lets those who wait go when the node does', async () => {
    await order('holder');
    const waiting = [order('a', '?waitMs=60000'), order('b', '?waitMs=60000')];
    await untilWaiting(1);
    const closing = app.close();
    for (const each of waiting)
      assert.deepEqual([(await each).statusCode, (await each).json().code], [503, 'draining']);
    await closing;
    assert.equal(main.received.length, 1);
  });
});
