// A node inside an app that has routes, hooks and an error handler of its own: neither sees anything of the other's.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { PaxmeshError } from 'paxmesh';
import { host } from './hosts.js';
import { Inventory } from './inventory.js';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('a node in an app', () => {
  test('takes proposals from the program, and answers with what the machine says', async () => {
    const app = await host({ machines: [new Inventory()] });
    await app.ready();
    const main = app.paxmesh.group('main');
    const stock = { op: 'stock', item: 'bolt', pieces: 3 };
    const { instanceId, index, result, replayed } = await main.propose<{ left: number }>('inventory', stock);
    assert.deepEqual({ result, replayed }, { result: { left: 3 }, replayed: false });
    assert.ok(index === 0 || index === 1, 'the lease may come in before it');
    // The lease may come in behind it as well.
    assert.ok(main.applied >= instanceId);
    const { answer, read, instanceId: readAt } = await main.read('inventory', 'bolt');
    assert.deepEqual({ answer, read }, { answer: 3, read: 'linearizable' });
    assert.ok(readAt >= instanceId);
    const refused = main.propose('inventory', { op: 'take', item: 'bolt', pieces: 4 });
    await assert.rejects(refused, { code: 'command-rejected', outcome: 'none', message: 'only 3 of bolt left' });
    assert.equal(app.paxmesh.isReady, true);
  });

  test('and the same over HTTP under the same app, which goes on having its own routes', async () => {
    const app = await host({}, { after: (own) => own.get('/shop', () => ({ open: true })) });
    await app.ready();
    const posted = await app.inject({
      method: 'POST',
      url: '/v1/groups/main/proposals',
      headers: { 'content-type': 'text/plain' },
      body: 'a value',
    });
    assert.equal(posted.statusCode, 201);
    assert.equal(posted.headers['paxmesh-node'], 'a');
    const { instanceId, index } = posted.json() as { instanceId: number; index: number };
    const kept = await app.inject({ url: `${posted.headers.location}` });
    const value = { index, machine: 'log', encoding: 'utf8', value: 'a value' };
    assert.deepEqual((kept.json() as { values: unknown[] }).values[index], value);
    assert.equal(posted.headers.location, `/v1/groups/main/instances/${instanceId}`);
    const shop = await app.inject({ url: '/shop' });
    assert.deepEqual(shop.json(), { open: true });
    assert.equal(shop.headers['paxmesh-node'], undefined);
  });

  test('every kind of value comes back as it was given', async () => {
    const app = await host();
    await app.ready();
    const main = app.paxmesh.group('main');
    const bytes = Uint8Array.of(0, 255, 7);
    const proposed = main.propose('log', bytes);
    bytes.fill(1);
    const { instanceId } = await proposed;
    await main.batch([
      { machine: 'log', value: 'häuser' },
      { machine: 'log', value: { n: [1, null] } },
      { machine: 'log', value: null },
    ]);
    const values: unknown[] = [];
    for await (const commit of main.follow({ from: instanceId })) {
      values.push(...commit.values.map(({ value }) => value));
      if (values.length === 4) break;
    }
    assert.deepEqual(values, [Buffer.of(0, 255, 7), 'häuser', { n: [1, null] }, null]);
  });

  test('what is no value, key, timeout or group is refused before anything happens', async () => {
    const app = await host();
    await app.ready();
    const main = app.paxmesh.group('main');
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const invalid = { name: 'PaxmeshError', code: 'invalid-request', outcome: 'none' };
    for (const value of [undefined, () => 1, 7n, circle, 'half \ud800']) {
      await assert.rejects(main.propose('log', value), invalid);
    }
    await assert.rejects(main.propose('log', 1, { timeoutMs: 0 }), invalid);
    await assert.rejects(main.propose('log', 1, { timeoutMs: 60_001 }), invalid);
    await assert.rejects(main.propose('log', 1, { idempotencyKey: 'two words' }), invalid);
    await assert.rejects(main.propose('log', 1, { ifMaster: -1 }), invalid);
    await assert.rejects(main.read('kv', { op: 'get', key: 'k' }, { timeoutMs: Number.NaN }), invalid);
    await assert.rejects(main.propose('nobody', 1), { code: 'unknown-machine' });
    await assert.rejects(main.propose('$master', 1), { code: 'forbidden' });
    assert.throws(() => app.paxmesh.group('other'), { name: 'PaxmeshError', code: 'group-not-found' });
  });

  test('a key makes a repeat harmless, and tells later what became of the value', async () => {
    const app = await host({ machines: [new Inventory()] });
    await app.ready();
    const main = app.paxmesh.group('main');
    const order = { op: 'stock', item: 'nut', pieces: 1 };
    const first = await main.propose('inventory', order, { idempotencyKey: 'order-1' });
    const again = await main.propose('inventory', order, { idempotencyKey: 'order-1' });
    assert.deepEqual(again, { ...first, replayed: true });
    const { state, instanceId, result } = await main.proposal('order-1');
    assert.deepEqual(
      { state, instanceId, result },
      { state: 'applied', instanceId: first.instanceId, result: { left: 1 } },
    );
    await assert.rejects(main.proposal('order-2'), { code: 'key-not-found' });
  });

  test('shares no hook, error handler, parser, decorator or unknown path with its host', async () => {
    const seen: string[] = [];
    const before = (own: FastifyInstance): void => {
      // Names that the edge of a node has for itself, too.
      for (const name of ['node', 'limits', 'metrics', 'feed', 'groups', 'lifecycle', 'mount'])
        own.decorate(name, 'mine');
      own.decorateRequest('group', null);
      own.setErrorHandler((error: Error, _request, reply) => reply.code(418).send({ mine: error.message }));
      own.setNotFoundHandler((_request, reply) => reply.code(404).send('mine too'));
      own.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body, done) => done(null, { csv: body }));
      own.addHook('onRequest', async (request) => void seen.push(`in ${request.url}`));
      own.addHook('onResponse', async (request, reply) => void seen.push(`out ${request.url} ${reply.statusCode}`));
    };
    const after = (own: FastifyInstance): void => {
      own.get('/fails', async () => {
        throw new Error('of the shop');
      });
      own.get('/proposes', () => own.paxmesh.group('main').propose('nobody', 1));
      own.post('/echo', (request) => request.body);
    };
    const app = await host({ tokens: 'ops:admin:hunter2' }, { before, after });
    await app.ready();

    const failed = await app.inject({ url: '/fails' });
    assert.deepEqual([failed.statusCode, failed.json()], [418, { mine: 'of the shop' }]);
    // An error of ours in a route of the host's is the host's to word.
    const proposes = await app.inject({ url: '/proposes' });
    assert.equal(proposes.statusCode, 418);
    assert.equal((await app.inject({ url: '/nowhere' })).body, 'mine too');
    const echoed = await app.inject({ method: 'POST', url: '/echo', headers: JSON_TYPE, body: '{"a":1}' });
    assert.deepEqual(echoed.json(), { a: 1 });
    const csv = await app.inject({
      method: 'POST',
      url: '/echo',
      headers: { 'content-type': 'text/csv' },
      body: 'a;b',
    });
    assert.deepEqual(csv.json(), { csv: 'a;b' });

    const noToken = await app.inject({ url: '/v1/groups' });
    assert.deepEqual([noToken.statusCode, noToken.json().code], [401, 'unauthenticated']);
    const headers = { authorization: 'Bearer hunter2' };
    const unknown = await app.inject({ url: '/v1/nothing', headers });
    assert.deepEqual([unknown.statusCode, unknown.json().code], [404, 'not-found']);
    const value = await app.inject({
      method: 'POST',
      url: '/v1/groups/main/proposals',
      headers: { ...headers, 'content-type': 'text/csv' },
      body: 'kept;as it is',
    });
    assert.equal(value.statusCode, 201);
    const kept = await app.inject({ url: `${value.headers.location}`, headers });
    assert.equal(kept.json().values[value.json().index].value, 'kept;as it is');
    // Longer than a parameter of the host's may be.
    const key = await app.inject({ url: `/v1/groups/main/proposals/${'k'.repeat(255)}`, headers });
    assert.equal(key.json().code, 'key-not-found');
    assert.deepEqual(
      seen.filter((line) => line.includes('/v1/nothing')),
      ['in /v1/nothing', 'out /v1/nothing 404'],
    );
  });

  test('the hooks of its host guard the API, whichever they are', async () => {
    for (const hook of ['onRequest', 'preHandler'] as const) {
      const before = (own: FastifyInstance): void => {
        own.addHook(hook, async (request, reply) => {
          if (request.headers['x-staff'] === undefined) return reply.code(403).send('staff only');
        });
      };
      const app = await host({}, { before });
      await app.ready();
      const url = '/v1/groups/main/proposals';
      const post = { method: 'POST', url, body: 'kept out', headers: { 'content-type': 'text/plain' } } as const;
      assert.equal((await app.inject(post)).body, 'staff only');
      assert.equal(
        (await app.inject({ ...post, body: 'let in', headers: { ...post.headers, 'x-staff': '1' } })).statusCode,
        201,
      );
      for await (const { values } of app.paxmesh.group('main').follow({ from: 'earliest' })) {
        assert.deepEqual(
          values.map(({ value }) => value),
          ['let in'],
        );
        break;
      }
    }
  });

  test('the document of the host describes the host', async () => {
    const app = await host(
      {},
      { before: (own) => own.register(swagger), after: (own) => own.get('/shop', () => ({ open: true })) },
    );
    await app.ready();
    assert.deepEqual(Object.keys(app.swagger().paths ?? {}), ['/shop']);
  });

  test('a prefix moves the API, and what the API says of itself', async () => {
    const app = await host({ prefix: '/paxmesh' });
    await app.ready();
    const posted = await app.inject({ method: 'POST', url: '/paxmesh/v1/groups/main/proposals', body: 'v' });
    assert.equal(posted.headers.location, `/paxmesh/v1/groups/main/instances/${posted.json().instanceId}`);
    assert.equal((await app.inject({ url: `${posted.headers.location}` })).statusCode, 200);
    assert.equal((await app.inject({ url: '/v1/groups' })).headers['paxmesh-node'], undefined);
    const door = await app.inject({ url: '/mesh' });
    assert.deepEqual([door.statusCode, door.json().code, door.headers['paxmesh-node']], [404, 'not-found', 'a']);
  });

  // Tried: without apiPath in group-desk.ts the links lead to where the host has nothing.
  test('a prefix moves the link to the checkpoint too, where the log was trimmed', async () => {
    const app = await host({ prefix: '/paxmesh' });
    await app.ready();
    const main = app.paxmesh.group('main');
    await main.orders.setRetention({ keepInstances: 300 });
    for (let i = 0; i < 400; i++) await main.propose('log', i);
    await main.orders.takeCheckpoint();
    await main.propose('log', 'and a trim');
    const G = '/paxmesh/v1/groups/main';
    const gone = await app.inject({ url: `${G}/instances/0` });
    assert.deepEqual([gone.statusCode, gone.json().checkpoint], [410, `${G}/checkpoints`]);
    const { body } = await app.inject({ url: `${G}/events?from=0` });
    const gap = /^data: (\{"type":"gap".*\})$/m.exec(body)?.[1] ?? 'null';
    assert.equal(JSON.parse(gap).checkpoint, `${G}/checkpoints`);
    assert.equal((await app.inject({ url: `${G}/checkpoints` })).json().checkpoints.length, 1);
  });

  test('without the API nothing of it is there', async () => {
    const app = await host({ http: false });
    await app.ready();
    assert.equal((await app.inject({ url: '/v1/groups' })).headers['paxmesh-node'], undefined);
    assert.equal((await app.inject({ url: '/mesh' })).headers['paxmesh-node'], 'a');
    assert.equal(typeof (await app.paxmesh.group('main').propose('log', 1)).instanceId, 'number');
  });

  test('the log and the master can be followed, and end with the app', async () => {
    const app = await host();
    await app.ready();
    const main = app.paxmesh.group('main');
    const followed = (async () => {
      const seen: unknown[] = [];
      for await (const { values } of main.follow({ from: 'earliest' })) seen.push(...values.map(({ value }) => value));
      return seen;
    })();
    const masters = (async () => {
      const seen: (string | null)[] = [];
      for await (const { node } of main.masters()) {
        seen.push(node);
        if (node !== null) await main.orders.releaseMaster();
        if (seen.length === 3) return seen;
      }
      return seen;
    })();
    await main.propose('log', 'one');
    await main.propose('log', 'two');
    // There may be a master when it begins to look, or not yet.
    const [first, second] = await masters;
    assert.deepEqual([first, second], first === null ? [null, 'a'] : ['a', null]);
    await app.close();
    assert.deepEqual(await followed, ['one', 'two']);
  });

  test('a loop over the log ends with its signal, and its follower with the loop', async () => {
    const app = await host();
    await app.ready();
    const main = app.paxmesh.group('main');
    const stop = new AbortController();
    setImmediate(() => stop.abort());
    for await (const commit of main.follow({ signal: stop.signal })) assert.fail(`${commit.instanceId}`);
    await assert.rejects(main.waitFor(10_000, { timeoutMs: 1 }), { code: 'catching-up' });
    const { instanceId } = await main.propose('log', 1);
    await main.waitFor(instanceId);
  });

  test('is drained before the app closes: what is under way is answered, what comes later is refused', async () => {
    const app = await host({ machines: [new Inventory()] });
    await app.ready();
    const main = app.paxmesh.group('main');
    const many = Array.from({ length: 50 }, () => main.propose('inventory', { op: 'stock', item: 'x', pieces: 1 }));
    const closed = app.close();
    assert.equal((await Promise.all(many)).length, 50);
    await closed;
    await assert.rejects(main.propose('inventory', {}), (error) => {
      assert.ok(error instanceof PaxmeshError);
      assert.deepEqual([error.code, error.outcome], ['draining', 'none']);
      return true;
    });
    await assert.rejects(main.read('inventory', 'x'), { code: 'draining' });
  });
});
