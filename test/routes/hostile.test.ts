// Senders that lie, stop, crawl or speak no HTTP, on a real port: they lose their connection, the others notice nothing.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { buildEdge, type Edge, VALUE_BYTES_MAX } from '../helper.js';

describe('hostile senders', () => {
  let edge: Edge;
  let port: number;
  beforeEach(async () => {
    edge = await buildEdge({ times: { requestMs: 60_000, headersMs: 30_000, checkMs: 50 } });
    await edge.app.listen({ host: '127.0.0.1', port: 0 });
    port = (edge.app.server.address() as AddressInfo).port;
  });
  afterEach(() => edge.app.close());

  /** For who is to run into the limits. Nobody else should, on whatever machine. */
  const hurry = (requestMs = 400, headersMs = 300): void => {
    edge.app.server.requestTimeout = requestMs;
    edge.app.server.headersTimeout = headersMs;
  };

  const post = (length: number | string, rest: string): string =>
    `POST /v1/groups/main/proposals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${rest}`;

  /** Sends, then waits until the server has closed; all it said. */
  const converse = (text: string, drip?: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let said = '';
      socket.write(text, 'latin1');
      const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 40);
      socket.on('data', (data) => {
        said += data.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(said);
      });
    });

  const othersAreUnharmed = async (): Promise<void> => {
    hurry(60_000, 30_000);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/groups/main/proposals`, {
      method: 'POST',
      body: '1',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 201);
    assert.equal(edge.main.received.length, 1);
  };

  it('closes on a body that stops half-way', async () => {
    hurry();
    assert.match(await converse(post(100, '{"a":')), /^HTTP\/1\.1 408 /);
    await othersAreUnharmed();
  });

  it('closes on a body that comes one byte at a time, past the time limit', async () => {
    hurry();
    assert.match(await converse(post(500, '['), ' '), /^HTTP\/1\.1 408 [\s\S]*"outcome":"none"/);
    await othersAreUnharmed();
  });

  it('closes on headers that never end', async () => {
    hurry();
    assert.match(await converse('GET /livez HTTP/1.1\r\nHost: x\r\n', 'a: b\r\n'), /^HTTP\/1\.1 408 /);
    await othersAreUnharmed();
  });

  it('takes a body longer than its Content-Length for what it is: a second, broken request', async () => {
    const said = await converse(post(1, '1{}garbage\r\n\r\n'));
    assert.match(said, /^(HTTP\/1\.1 201 |$)/);
    assert.ok(edge.main.received.length <= 1);
  });

  it('refuses a body over the limit by its Content-Length, before it is sent', async () => {
    const said = await converse(post(10_000_000_000, ''));
    assert.match(said, /^HTTP\/1\.1 413 [\s\S]*"code":"value-too-large"/);
    await othersAreUnharmed();
  });

  it('gives the answer to a client that goes on sending', async () => {
    const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sent = httpRequest(
        { port, host: '127.0.0.1', method: 'POST', path: '/v1/groups/main/proposals' },
        async (response) => {
          let body = '';
          for await (const chunk of response) body += chunk;
          resolve({ status: response.statusCode, body });
        },
      );
      sent.on('error', reject);
      for (let n = 0; n < 40; n += 1) sent.write(Buffer.alloc(VALUE_BYTES_MAX * 64));
      sent.end();
    });
    assert.equal(answer.status, 413);
    assert.equal(JSON.parse(answer.body).outcome, 'none');
    await othersAreUnharmed();
  });

  for (const [what, text, status] of [
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12', 400],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a URL without end', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ] as const) {
    it(`answers ${what} with ${status} as a problem document and closes`, async () => {
      const said = await converse(text);
      assert.match(
        said,
        new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*application/problem\\+json[\\s\\S]*"code":"invalid-request"`),
      );
      assert.match(said, /\r\npaxmesh-node: a\r\n/i);
      await othersAreUnharmed();
    });
  }

  // Fails when only the first answer of a connection may be one of these: tried.
  it('answers what is no request on a connection that had answers before', async () => {
    const long = `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const said = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.once('data', () => socket.write(long));
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    assert.match(said, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 431 [\s\S]*"outcome":"none"/);
    await othersAreUnharmed();
  });

  it('answers a method that HTTP does not know with 404, as it does for those that nothing here takes', async () => {
    for (const method of ['FROB', 'PROPFIND', 'X-Y']) {
      const said = await converse(`${method} /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(said, /^HTTP\/1\.1 404 [\s\S]*application\/problem\+json[\s\S]*"code":"not-found"/);
    }
    await othersAreUnharmed();
  });

  it('answers requests that offer another protocol than WebSocket as if they had not, with their bodies', async () => {
    const offering = (method: string, path: string, body = ''): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
        const sent = httpRequest({ port, host: '127.0.0.1', method, path, headers }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        sent.on('error', reject);
        sent.end(body);
      });
    assert.equal(await offering('GET', '/v1/node'), 200);
    assert.equal(await offering('POST', '/v1/groups/main/proposals', 'hello'), 201);
    assert.equal(Buffer.from(edge.main.received[0]?.bytes ?? '').toString(), 'hello');
  });

  it('lets clients vanish in the middle of a request', async () => {
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.write(post(100, '{"a"'), () => socket.destroy());
      await new Promise((resolve) => socket.on('close', resolve));
    }
    await othersAreUnharmed();
  });

  it('closes within its time with a half-sent request and a waiting reader', async () => {
    const half = converse(post(100, '{"a"'));
    const poll = fetch(`http://127.0.0.1:${port}/v1/groups/main/instances?waitMs=60000`);
    while (edge.main.readersWaiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await edge.app.close();
    assert.equal((await poll).status, 503);
    await half;
  });
});
