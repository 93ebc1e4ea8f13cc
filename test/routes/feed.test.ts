// The feed over WebSocket and as Server-Sent Events, over a real port: frames, close codes, who is let in, slow readers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { buildEdge, type Edge } from '../helper.js';

type Json = Record<string, unknown>;

class Client {
  readonly frames: Json[] = [];
  readonly texts: string[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  #wake: () => void = () => undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers });
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString());
      this.frames.push(JSON.parse(data.toString()) as Json);
      this.#wake();
    });
  }

  /** The first `count` frames. */
  async take(count: number): Promise<Json[]> {
    while (this.frames.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.frames.slice(0, count);
  }
}

describe('the feed', () => {
  let edge: Edge;
  let http: string;
  let ws: string;
  beforeEach(async () => {
    edge = await buildEdge({ valueBytesMax: 10_000_000 });
    await edge.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = edge.app.server.address() as AddressInfo;
    http = `http://127.0.0.1:${port}/v1/groups/main`;
    ws = `ws://127.0.0.1:${port}/v1/groups/main`;
  });
  afterEach(() => edge.app.close());

  const commit = (text: string, machine = 'log') =>
    edge.main.propose({ machine, encoding: 'json', bytes: Buffer.from(text) });
  const refusal = async (url: string, headers: Record<string, string> = {}): Promise<[number | undefined, Json]> => {
    const socket = new WebSocket(url, { headers });
    socket.on('error', () => undefined);
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    let body = '';
    for await (const chunk of answer) body += chunk;
    return [answer.statusCode, JSON.parse(body) as Json];
  };

  it('says hello first, then every instance once and in order, values verbatim', async () => {
    await commit('1e400');
    const client = new Client(`${ws}/feed?from=earliest`);
    await client.take(2);
    await commit('{"b":1,"a":2}', 'kv');
    assert.deepEqual(
      (await client.take(3)).map(({ type, instanceId = null }) => [type, instanceId]),
      [
        ['hello', null],
        ['commit', 0],
        ['commit', 1],
      ],
    );
    assert.deepEqual(client.frames[0], {
      type: 'hello',
      group: 'main',
      node: 'a',
      from: 0,
      firstKept: 0,
      lastChosen: 0,
    });
    assert.equal(
      client.texts[1],
      '{"type":"commit","instanceId":0,"values":[{"index":0,"machine":"log","encoding":"json","value":1e400}]}',
    );
    assert.ok(client.texts[2]?.includes('"value":{"b":1,"a":2}'));
    client.socket.close();
    await client.closed;
  });

  it('starts at now when nothing is said, and waits when the start is beyond the end', async () => {
    await commit('1');
    const now = new Client(`${ws}/feed`);
    const later = new Client(`${ws}/feed?from=2`);
    await Promise.all([now.take(1), later.take(1)]);
    await commit('2');
    await commit('3');
    assert.deepEqual(
      (await now.take(3)).slice(1).map(({ instanceId }) => instanceId),
      [1, 2],
    );
    assert.equal((await later.take(2))[1]?.instanceId, 2);
    now.socket.terminate();
    later.socket.terminate();
  });

  it('bridges what a filter hides with bookmarks', async () => {
    const client = new Client(`${ws}/feed?from=0&machines=kv`);
    await client.take(1);
    await commit('1');
    await commit('2', 'kv');
    assert.deepEqual(
      (await client.take(3)).slice(1).map(({ type, instanceId }) => [type, instanceId]),
      [
        ['bookmark', 0],
        ['commit', 1],
      ],
    );
    client.socket.terminate();
  });

  it('tells a gap and closes with 4410', async () => {
    edge.main.firstKept = 3;
    const client = new Client(`${ws}/feed?from=1`);
    assert.equal(await client.closed, 4410);
    assert.deepEqual(client.frames[1], { type: 'gap', requested: 1, firstKept: 3, checkpoint: null });
  });

  for (const query of [
    'from=-1',
    'from=abc',
    'from=9007199254740992',
    'from=1&from=2',
    'machines=',
    'machines=a,,b',
    'system=maybe',
  ]) {
    it(`closes ?${query} with 4400`, async () => {
      const client = new Client(`${ws}/feed?${query}`);
      assert.equal(await client.closed, 4400);
      assert.equal(client.frames.length, 0);
    });
  }

  it('closes with 4404 when there is no such group', async () => {
    assert.equal(await new Client(`${ws.replace('main', 'nope')}/feed`).closed, 4404);
  });

  it('refuses pages of other origins before the upgrade', async () => {
    const [status, body] = await refusal(`${ws}/feed`, { origin: 'http://evil.test' });
    assert.deepEqual([status, body.code], [403, 'forbidden']);
    const [opaque] = await refusal(`${ws}/feed`, { origin: 'null' });
    assert.equal(opaque, 403);
    const client = new Client(`${ws}/feed`, { origin: http.replace('/v1/groups/main', '') });
    await client.take(1);
    client.socket.terminate();
  });

  it('refuses to upgrade what is no WebSocket, and to be read without an upgrade', async () => {
    const [status, body] = await refusal(`${ws}/members`);
    assert.deepEqual([status, body.code], [400, 'invalid-request']);
    assert.equal((await refusal(`${ws}/nowhere`))[0], 404);
    assert.equal((await edge.app.inject('/v1/groups/main/feed')).statusCode, 400);
  });

  it('lets go of the follower when the peer leaves', async () => {
    const client = new Client(`${ws}/feed`);
    await client.take(1);
    assert.equal(edge.main.openFollowers, 1);
    client.socket.terminate();
    while (edge.main.openFollowers > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('ends a follower that talks too much', async () => {
    const client = new Client(`${ws}/feed`);
    await client.take(1);
    client.socket.send('x'.repeat(20_000));
    assert.equal(await client.closed, 1009);
  });

  it('closes with 1013 when the group cannot be read now', async () => {
    const { PaxmeshError } = await import('../../src/engine/errors.js');
    edge.main.failure = new PaxmeshError('halted', 'down');
    assert.equal(await new Client(`${ws}/feed`).closed, 1013);
  });

  it('reads no further for a reader that stands still, and then gives it everything', async () => {
    const big = JSON.stringify('x'.repeat(500_000));
    for (let n = 0; n < 60; n += 1) await commit(big);
    const client = new Client(`${ws}/feed?from=0`);
    await client.take(1);
    client.socket.pause();
    const [server] = edge.app.websocketServer.clients;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(server !== undefined && server.bufferedAmount < 2_000_000, `${server?.bufferedAmount} bytes wait`);
    client.socket.resume();
    const frames = await client.take(61);
    assert.deepEqual(
      frames.slice(1).map(({ instanceId }) => instanceId),
      [...Array(60).keys()],
    );
    client.socket.terminate();
  });

  it('closes a peer that answers no ping with 4408, and keeps one that does', async () => {
    const lively = new Client(`${ws}/feed`);
    const mute = new Client(`${ws}/feed`);
    await Promise.all([lively.take(1), mute.take(1)]);
    mute.socket.pause();
    for (let beat = 0; beat < 3; beat += 1) {
      const ping = once(lively.socket, 'ping');
      edge.app.feed.beat();
      await ping;
      await commit(String(beat));
      await lively.take(beat + 2);
    }
    mute.socket.resume();
    assert.equal(await mute.closed, 4408);
    assert.equal(lively.socket.readyState, WebSocket.OPEN);
    lively.socket.terminate();
  });

  it('says 1001 when the node goes, and does not wait for a peer that says nothing', async () => {
    const polite = new Client(`${ws}/feed`);
    const mute = new Client(`${ws}/feed`);
    await Promise.all([polite.take(1), mute.take(1)]);
    mute.socket.pause();
    const before = performance.now();
    await edge.app.close();
    // The library would wait for thirty seconds.
    assert.ok(performance.now() - before < 20_000);
    assert.equal(edge.node.drains, 1);
    assert.equal(await polite.closed, 1001);
    mute.socket.terminate();
  });

  describe('as Server-Sent Events', () => {
    const open = async (
      query: string,
      headers: Record<string, string> = {},
    ): Promise<{ answer: IncomingMessage; text: (until: string) => Promise<string> }> => {
      const sent = httpRequest(`${http}/events${query}`, { headers });
      sent.end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.on('error', () => undefined);
      answer.setEncoding('utf8');
      let all = '';
      let wake = (): void => undefined;
      answer.on('data', (chunk: string) => {
        all += chunk;
        wake();
      });
      const text = async (until: string): Promise<string> => {
        while (!all.includes(until)) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return all;
      };
      return { answer, text };
    };

    it('sends the same frames with the instance as id', async () => {
      await commit('{"a":\r\n1}');
      const { answer, text } = await open('?from=0');
      assert.equal(answer.statusCode, 200);
      assert.equal(answer.headers['content-type'], 'text/event-stream');
      const all = await text('id: 0\n');
      const whole = all.includes('1}}]}\n\n') ? all : await text('1}}]}\n\n');
      assert.match(
        whole,
        /^data: \{"type":"hello",.*\}\n\nid: 0\ndata: \{"type":"commit","instanceId":0,.*"value":\{"a":\ndata: 1\}\}\]\}\n\n$/,
      );
      answer.destroy();
      while (edge.main.openFollowers > 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it('goes on behind Last-Event-ID', async () => {
      for (const value of ['1', '2', '3']) await commit(value);
      const { answer, text } = await open('?from=earliest', { 'last-event-id': '1' });
      assert.match(await text('id: 2\n'), /^data: \{"type":"hello","group":"main","node":"a","from":2,/);
      answer.destroy();
    });

    it('takes every parameter that the WebSocket takes', async () => {
      await commit('1');
      const { answer, text } = await open('?from=0&machines=log&system=true&all=true');
      assert.equal(answer.statusCode, 200);
      await text('id: 0\n');
      answer.destroy();
    });

    it('ends when the node goes', async () => {
      const { answer, text } = await open('');
      await text('hello');
      const ended = once(answer, 'close');
      await edge.app.close();
      await ended;
    });

    for (const [query, headers] of [
      ['?from=-1', {}],
      ['?from=x', {}],
      ['', { 'last-event-id': 'abc' }],
      ['', { 'last-event-id': '9007199254740991' }],
    ] as const) {
      it(`refuses ${query} ${JSON.stringify(headers)}`, async () => {
        const answer = await edge.app.inject({ url: `/v1/groups/main/events${query}`, headers });
        assert.deepEqual([answer.statusCode, answer.json().code], [400, 'invalid-request']);
      });
    }

    it('knows no other group', async () => {
      assert.equal((await edge.app.inject('/v1/groups/nope/events')).json().code, 'group-not-found');
    });
  });
});
