// Backup and restore at the edge: bytes through, however many; who may; and connections that break off, on either side.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PaxmeshError } from '../../src/engine/errors.js';
import { readTokens } from '../../src/setting-readers.js';
import { buildEdge, type Edge, VALUE_BYTES_MAX } from '../helper.js';

const BYTES = { 'content-type': 'application/octet-stream' };

describe('backup and restore', () => {
  let edge: Edge;
  let url = '';
  const start = async (...options: Parameters<typeof buildEdge>) => {
    edge = await buildEdge(...options);
    await edge.app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(edge.app.server.address() as AddressInfo).port}`;
  };
  // Far above what a busy machine may stand still for: only one test waits for a limit, with a short one of its own.
  beforeEach(() => start({ times: { requestMs: 2000, headersMs: 1500, checkMs: 20, pieceMs: 30_000 } }));
  afterEach(() => edge.app.close());

  /** A body that comes in pieces, with pauses between them. */
  const trickle = async (pieces: number, pauseMs: number, ends = true) => {
    const call = request(`${url}/v1/restore`, { method: 'POST', headers: BYTES });
    const answered = once(call, 'response');
    void (async () => {
      for (let piece = 0; piece < pieces; piece++) {
        call.write('x'.repeat(1000));
        await pause(pauseMs);
      }
      if (ends) call.end();
    })();
    const [answer] = await answered;
    let text = '';
    for await (const part of answer) text += String(part);
    call.destroy();
    return { status: answer.statusCode as number, body: JSON.parse(text) as { code?: string; detail?: string } };
  };

  it('gives the bytes as they come', async () => {
    const answer = await edge.app.inject('/v1/backup');
    assert.deepEqual([answer.statusCode, answer.body], [200, 'all of it']);
    assert.equal(answer.headers['content-type'], 'application/octet-stream');
    assert.equal((await edge.app.inject({ method: 'HEAD', url: '/v1/backup' })).statusCode, 404);
  });

  it('asks for no more than the reader takes', async () => {
    let made = 0;
    edge.node.backup = async () =>
      (async function* () {
        for (; made < 10_000; made++) yield Buffer.alloc(64 * 1024);
      })();
    const call = request(`${url}/v1/backup`).end();
    const [answer] = await once(call, 'response');
    answer.pause();
    let before = -1;
    while (before !== made) {
      before = made;
      await pause(100);
    }
    assert.ok(made < 1000, `${made} pieces were made for a reader that reads nothing`);
    call.destroy();
  });

  it('breaks the connection when the state cannot be read to its end', async () => {
    edge.node.backup = async () =>
      (async function* () {
        yield Buffer.from('half');
        throw new Error('the disk says no');
      })();
    const answer = await fetch(`${url}/v1/backup`);
    assert.equal(answer.status, 200);
    await assert.rejects(answer.arrayBuffer(), 'a clean end would say that it is whole');
  });

  it('says why there is none', async () => {
    edge.node.backup = () => Promise.reject(new PaxmeshError('no-quorum', 'too few are there'));
    const answer = await edge.app.inject('/v1/backup');
    assert.deepEqual([answer.statusCode, answer.json().code, answer.json().outcome], [503, 'no-quorum', 'none']);
  });

  it('gives one at a time, and the next when the first has gone, however it went', async () => {
    edge.node.backup = async () =>
      (async function* () {
        yield Buffer.from('first');
        await new Promise(() => {});
      })();
    const call = request(`${url}/v1/backup`).end();
    await once(call, 'response');
    const second = await edge.app.inject('/v1/backup');
    assert.deepEqual([second.statusCode, second.json().code], [503, 'overloaded']);
    call.destroy();
    edge.node.backup = async () => (async function* () {})();
    for (let status = 503; status !== 200; await pause(20)) status = (await edge.app.inject('/v1/backup')).statusCode;
  });

  it('takes a body longer than any value, that takes longer than any other request may', async () => {
    const { status, body } = await trickle(10, 300);
    assert.deepEqual([status, body], [200, { groups: [{ group: 'main', gid: 'gid-1', instanceId: 7 }] }]);
    assert.equal(edge.node.restored?.length, 10_000);
    assert.ok(10_000 > VALUE_BYTES_MAX);
    // And afterwards the limit on whole requests holds again.
    assert.equal(edge.app.server.requestTimeout, 2000);
  });

  it('tells the node how long the body is said to be, where it is said', async () => {
    const body = Buffer.alloc(2 * VALUE_BYTES_MAX, 'x');
    const said = await fetch(`${url}/v1/restore`, { method: 'POST', headers: BYTES, body });
    assert.deepEqual([said.status, edge.node.restoredBytes], [200, body.length]);
    await trickle(2, 0);
    assert.equal(edge.node.restoredBytes, null);
  });

  it('waits for no body that has stopped', async () => {
    await edge.app.close();
    await start({ times: { requestMs: 2000, headersMs: 1500, checkMs: 20, pieceMs: 1000 } });
    const { status, body } = await trickle(2, 0, false);
    assert.deepEqual([status, body.code], [400, 'invalid-request']);
    assert.match(body.detail ?? '', /The body has stopped/);
    assert.equal((await trickle(1, 0)).status, 200, 'and the next one is taken');
  });

  it('takes one at a time', async () => {
    let begins = () => {};
    const begun = new Promise<void>((resolve) => {
      begins = resolve;
    });
    let ends = () => {};
    const over = new Promise<void>((resolve) => {
      ends = resolve;
    });
    edge.node.restore = async () => {
      begins();
      await over;
      return [];
    };
    const first = trickle(1, 0);
    await begun;
    const second = await fetch(`${url}/v1/restore`, { method: 'POST', headers: BYTES, body: 'x' });
    const { code } = (await second.json()) as { code: string };
    assert.deepEqual([second.status, code], [503, 'overloaded']);
    ends();
    assert.equal((await first).status, 200);
  });

  it('takes bytes only, and none that are encoded', async () => {
    const post = (headers: Record<string, string>) =>
      edge.app.inject({ method: 'POST', url: '/v1/restore', headers, payload: '{}' });
    for (const headers of [{ 'content-type': 'application/json' }, { ...BYTES, 'content-encoding': 'gzip' }]) {
      const answer = await post(headers);
      assert.deepEqual([answer.statusCode, answer.json().code], [415, 'unsupported-encoding']);
    }
    assert.equal(edge.node.restored, null);
  });

  it('is for administrators, reading too', async () => {
    await edge.app.close();
    await start({ tokens: readTokens('r:read:one,w:write:two,x:admin:three') });
    const ask = async (method: 'GET' | 'POST', path: string, token: string) => {
      const headers = { ...BYTES, authorization: `Bearer ${token}` };
      const answer = await fetch(`${url}${path}`, { method, headers, ...(method === 'POST' ? { body: 'x' } : {}) });
      await answer.arrayBuffer();
      return answer.status;
    };
    for (const token of ['one', 'two']) {
      assert.equal(await ask('GET', '/v1/backup', token), 403);
      assert.equal(await ask('POST', '/v1/restore', token), 403);
    }
    assert.equal(await ask('GET', '/v1/backup', 'three'), 200);
    assert.equal(await ask('POST', '/v1/restore', 'three'), 200);
  });
});
