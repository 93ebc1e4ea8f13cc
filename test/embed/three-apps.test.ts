// Three apps in one process, each with its own server, store and copy of a user's machine.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { paxmesh } from 'paxmesh';
import { freePorts } from '../free-port.js';
import { Inventory } from './inventory.js';

interface Shop {
  readonly app: FastifyInstance;
  readonly inventory: Inventory;
}

describe('three apps', () => {
  const ids = ['a', 'b', 'c'] as const;
  const shops = new Map<string, Shop>();
  let directory = '';
  let port = 0;

  const shop = (id: string): Shop => {
    const known = shops.get(id);
    assert.ok(known !== undefined);
    return known;
  };
  const main = (id: string) => shop(id).app.paxmesh.group('main');

  async function open(id: (typeof ids)[number]): Promise<void> {
    const inventory = new Inventory();
    const app = Fastify() as unknown as FastifyInstance;
    app.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
      reply.code(409).send({ no: error.code }),
    );
    app.post('/take/:item', async (request) => {
      const { item } = request.params as { item: string };
      const { result } = await app.paxmesh.group('main').propose('inventory', { op: 'take', item, pieces: 1 });
      return result;
    });
    await app.register(paxmesh, {
      node: id,
      store: `embedded:${join(directory, id)}`,
      members: ids.map((each, place) => ({ id: each, url: `http://127.0.0.1:${port + place}` })),
      // Nothing here waits for a lease to run out: who closes gives it back, and nobody else should lose it.
      leaseMs: 60_000,
      timeoutMs: 60_000,
      clusterSecret: 'of the test',
      machines: [inventory],
    });
    await app.listen({ host: '127.0.0.1', port: port + ids.indexOf(id) });
    shops.set(id, { app, inventory });
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'paxmesh-embed-'));
    port = await freePorts(3);
    await Promise.all(ids.map(open));
    await Promise.all(ids.map((id) => shop(id).app.paxmesh.whenReady({ timeoutMs: 120_000 })));
  });

  after(async () => {
    await Promise.all([...shops.values()].map(({ app }) => app.close()));
    await rm(directory, { recursive: true, force: true });
  });

  test('sell no more than there is, whoever sells it', async () => {
    const { result } = await main('a').propose('inventory', { op: 'stock', item: 'seat', pieces: 20 });
    assert.deepEqual(result, { left: 20 });
    const takes = Array.from({ length: 30 }, (_, place) =>
      fetch(`http://127.0.0.1:${port + (place % 3)}/take/seat`, { method: 'POST' }),
    );
    const answers = await Promise.all(takes);
    const sold = answers.filter(({ status }) => status === 200).length;
    const refused = await Promise.all(answers.filter(({ status }) => status !== 200).map((answer) => answer.json()));
    assert.equal(sold, 20);
    assert.deepEqual(refused, Array(10).fill({ no: 'command-rejected' }));
    for (const id of ids) assert.equal((await main(id).read('inventory', 'seat')).answer, 0);
  });

  test('apply the same commands at the same places', async () => {
    const last = Math.max(...ids.map((id) => main(id).applied));
    await Promise.all(ids.map((id) => main(id).waitFor(last, { timeoutMs: 60_000 })));
    const [first, ...others] = ids.map((id) => shop(id).inventory.applied);
    assert.ok((first?.length ?? 0) >= 21);
    for (const other of others) assert.deepEqual(other, first);
  });

  test('agree on the master, and hear of the next one', async () => {
    const known: (string | null)[] = [];
    for await (const { node } of main('b').masters()) {
      if (node !== null && !known.includes(node)) known.push(node);
      if (known.length === 1 && node !== null) await main('b').orders.transferMaster(node === 'a' ? 'b' : 'a');
      if (known.length === 2) break;
    }
    const { node, version } = main('b').master();
    assert.ok(node !== null && version !== null);
    await Promise.all(ids.map((id) => main(id).waitFor(version, { timeoutMs: 60_000 })));
    assert.deepEqual(
      ids.filter((id) => main(id).isMaster),
      [node],
    );
    await main('c').propose('log', 'fenced', { ifMaster: version });
    await assert.rejects(main('c').propose('log', 'late', { ifMaster: version - 1 }), { code: 'precondition-failed' });
  });

  test('go on without the one that is closed, which catches up when it is back', async () => {
    await shop('b').app.close();
    await main('a').propose('inventory', { op: 'stock', item: 'bolt', pieces: 5 });
    const { instanceId } = await main('c').propose('inventory', { op: 'take', item: 'bolt', pieces: 2 });
    await open('b');
    await main('b').waitFor(instanceId, { timeoutMs: 60_000 });
    assert.equal((await main('b').read('inventory', 'bolt', { read: 'local' })).answer, 3);
    await shop('b').app.paxmesh.whenReady({ timeoutMs: 120_000 });
    const { result } = await main('b').propose('inventory', { op: 'take', item: 'bolt', pieces: 1 });
    assert.deepEqual(result, { left: 2 });
  });

  test('say so when too few are left, and keep serving what is their own', async () => {
    await Promise.all(['b', 'c'].map((id) => shop(id).app.close()));
    const late = main('a').propose('inventory', { op: 'take', item: 'bolt', pieces: 1 }, { timeoutMs: 300 });
    await assert.rejects(late, { name: 'PaxmeshError', retryable: true });
    const taken = await fetch(`http://127.0.0.1:${port}/nowhere`);
    assert.equal(taken.status, 404);
    assert.equal(shop('a').app.paxmesh.isReady, false);
  });
});
