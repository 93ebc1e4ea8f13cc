// WebSockets of a node inside an app that has WebSockets of its own, before the plugin, behind it, or none.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import websocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import { WebSocket } from 'ws';
import { host } from './hosts.js';

async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ port: 0, host: '127.0.0.1' });
  return `127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

async function firstFrame(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const socket = new WebSocket(url, { headers });
  const [data] = await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
  return JSON.parse(`${data}`);
}

/** What the server says to an upgrade that it does not make. */
async function refusal(url: string): Promise<number | undefined> {
  const socket = new WebSocket(url);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  response.resume();
  return response.statusCode;
}

const echo = async (app: FastifyInstance): Promise<void> => {
  await app.register(websocket);
  app.get('/echo', { websocket: true }, (socket) => {
    socket.send('{"from":"the shop"}');
  });
};

describe('a feed beside WebSockets of the host', () => {
  for (const [when, around] of Object.entries({
    'that came first': { before: echo },
    'that come later': { after: echo },
  })) {
    test(`${when}: each gets its own`, async () => {
      const app = await host({}, around);
      const at = await listen(app);
      const hello = (await firstFrame(`ws://${at}/v1/groups/main/feed?from=0`)) as { type: string; node: string };
      assert.deepEqual([hello.type, hello.node], ['hello', 'a']);
      assert.deepEqual(await firstFrame(`ws://${at}/echo`), { from: 'the shop' });
      // The peers' door is answered once, by the mesh: it waits for a hello, where a second answer would break the socket.
      const peer = new WebSocket(`ws://${at}/mesh`);
      await once(peer, 'open');
      peer.send('no hello');
      // Nor does the host count it among its own, which it closes before anything is drained.
      assert.equal(app.websocketServer.clients.size, 0);
      const [code] = await once(peer, 'close');
      assert.notEqual(code, 1006);
    });
  }

  test('without any: the feed works, and what asks to be upgraded is answered as if it had not asked', async () => {
    const app = await host({}, { after: (own) => own.get('/plain', () => ({ plain: true })) });
    const at = await listen(app);
    const hello = (await firstFrame(`ws://${at}/v1/groups/main/feed?from=0`)) as { type: string };
    assert.equal(hello.type, 'hello');
    assert.equal(await refusal(`ws://${at}/plain`), 200);
    assert.equal(await refusal(`ws://${at}/nowhere`), 404);
    const upgrade = { connection: 'upgrade', upgrade: 'h2c' };
    const plain = get(`http://${at}/plain`, { headers: upgrade });
    const [response] = await once(plain, 'response');
    assert.equal(response.statusCode, 200);
    response.resume();
    const body = get(`http://${at}/plain`, { method: 'POST', headers: { ...upgrade, 'content-length': '2' } });
    const [refused] = await once(body, 'response');
    assert.equal(refused.statusCode, 400);
  });

  test('the hooks of the host guard the feed, and not the door of the peers', async () => {
    const before = (own: FastifyInstance): void => {
      own.addHook('onRequest', async (request, reply) => {
        if (request.headers['x-staff'] === undefined) return reply.code(403).send('staff only');
      });
    };
    const at = await listen(await host({}, { before }));
    assert.equal(await refusal(`ws://${at}/v1/groups/main/feed`), 403);
    await firstFrame(`ws://${at}/v1/groups/main/feed?from=0`, { 'x-staff': '1' });
    const peer = new WebSocket(`ws://${at}/mesh`);
    await once(peer, 'open');
    peer.terminate();
  });

  test('tokens guard it as well', async () => {
    const at = await listen(await host({ tokens: 'eyes:read:hunter2' }));
    assert.equal(await refusal(`ws://${at}/v1/groups/main/feed`), 401);
    await firstFrame(`ws://${at}/v1/groups/main/feed?from=0`, { authorization: 'Bearer hunter2' });
  });

  test('without a secret, no peer comes from another machine', async () => {
    const from = async (app: FastifyInstance, remoteAddress: string): Promise<string> => {
      await app.ready();
      const socket = new PassThrough();
      const said: string[] = [];
      const say = (chunk: Buffer | string): boolean => said.push(`${chunk}`) > 0;
      Object.assign(socket, { write: say, end: say });
      const raw = { url: '/mesh', method: 'GET', headers: {}, socket: { remoteAddress } };
      app.server.emit('upgrade', raw, socket, Buffer.alloc(0));
      return said.join('');
    };
    const forbidden = /^HTTP\/1\.1 403 /;
    assert.match(await from(await host(), '192.0.2.1'), forbidden);
    assert.match(await from(await host(), '::ffff:192.0.2.1'), forbidden);
    assert.doesNotMatch(await from(await host({ clusterSecret: 'hunter2' }), '192.0.2.1'), forbidden);
    assert.doesNotMatch(await from(await host({ insecure: true }), '192.0.2.1'), forbidden);
    assert.doesNotMatch(await from(await host(), '::ffff:127.0.0.1'), forbidden);
  });

  test('followers are told when the app goes', async () => {
    const app = await host({}, { before: echo });
    const socket = new WebSocket(`ws://${await listen(app)}/v1/groups/main/feed?from=0`);
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await app.close();
    assert.equal((await closed)[0], 1001);
  });
});
