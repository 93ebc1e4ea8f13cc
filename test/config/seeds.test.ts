// Asking the seeds: who is invited, when it is asked again, and when it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { Seeds, type SeedsOptions } from '../../src/seeds.js';
import { freePort } from '../free-port.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** What answers under an address: a node of this name, or something else. */
async function answering(
  name: () => string | null,
  port = 0,
): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'no token'}`);
    const id = name();
    if (id !== null) response.setHeader('Paxmesh-Node', id);
    response.end('{"live":true}');
  });
  open.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

class Asker {
  readonly guests: string[] = [];
  readonly events: string[] = [];
  isNamed = false;

  constructor(seeds: readonly string[], more: Partial<SeedsOptions> = {}) {
    const asker = new Seeds({
      seeds,
      self: 'me',
      ca: null,
      waitMs: 1,
      isNamed: () => this.isNamed,
      invite: ({ id, url }) => {
        const guest = `${id}=${url}`;
        this.guests.push(guest);
        return () => this.guests.splice(this.guests.indexOf(guest), 1);
      },
      found: (seed, id) => this.events.push(`${seed} ${id}`),
      failed: (seed, reason) => this.events.push(`${seed} ${reason}`),
      ...more,
    });
    open.push(asker);
    asker.start();
  }

  async until(holds: () => boolean): Promise<void> {
    const until = performance.now() + 10_000;
    while (!holds()) {
      assert.ok(performance.now() < until, `never: ${holds}; ${JSON.stringify([this.guests, this.events])}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

test('every seed that answers is invited once under its own name, without a token, until the groups name this node', async () => {
  const a = await answering(() => 'a');
  const b = await answering(() => 'b');
  const asker = new Asker([a.url, b.url]);
  await asker.until(() => a.asked.length >= 3 && b.asked.length >= 3);
  assert.deepEqual(asker.guests.sort(), [`a=${a.url}`, `b=${b.url}`]);
  assert.deepEqual(new Set(a.asked), new Set(['GET /mesh no token']));
  assert.equal(asker.events.length, 2);
  asker.isNamed = true;
  await asker.until(() => asker.guests.length === 0);
});

test('a node that is named already asks nobody', async () => {
  const a = await answering(() => 'a');
  let askedWhetherNamed = 0;
  const asker = new Asker([a.url], { isNamed: () => ++askedWhetherNamed > 0 });
  await asker.until(() => askedWhetherNamed === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual([a.asked, asker.guests], [[], []]);
});

test('a seed that is down is asked again until it is there, and its reason is told once', async () => {
  const gone = await answering(() => 'a', await freePort());
  const { port } = gone.server.address() as AddressInfo;
  gone.server.close();
  await once(gone.server, 'close');
  const asker = new Asker([gone.url]);
  await asker.until(() => asker.events.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(asker.events, [`${gone.url} ECONNREFUSED`]);
  await answering(() => 'a', port);
  await asker.until(() => asker.guests.length > 0);
  assert.deepEqual(asker.guests, [`a=${gone.url}`]);
});

test('a seed that is this node itself, or no node at all, is not invited', async () => {
  const me = await answering(() => 'me');
  const stranger = await answering(() => null);
  const odd = await answering(() => 'Not An Id');
  const asker = new Asker([me.url, stranger.url, odd.url]);
  await asker.until(() => [me, stranger, odd].every(({ asked }) => asked.length >= 2));
  assert.deepEqual(asker.guests, []);
  assert.equal(asker.events.filter((event) => event.endsWith('no node of Paxmesh')).length, 2);
});

test('another node under the address of a seed takes the place of the one before', async () => {
  let name = 'a';
  const { url } = await answering(() => name);
  const asker = new Asker([url]);
  await asker.until(() => asker.guests.length === 1);
  name = 'b';
  await asker.until(() => asker.guests.includes(`b=${url}`));
  assert.deepEqual(asker.guests, [`b=${url}`]);
});

test('once it is closed it dismisses everybody and asks no more', async () => {
  const a = await answering(() => 'a');
  const asker = new Asker([a.url]);
  await asker.until(() => asker.guests.length === 1);
  open.at(-1)?.close();
  assert.deepEqual(asker.guests, []);
  const asked = a.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(a.asked.length <= asked + 1);
  assert.deepEqual(asker.guests, []);
});
