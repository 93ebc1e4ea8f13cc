import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import { ask } from '../conformance/transport.js';
import { FRAME_BYTES_MAX, MeshNode, RawPeer, until } from './mesh-world.js';

const SECRET = 'the secret of this cluster';
const NOISE = Buffer.from('GET / HTTP/1.1 is not a frame of ours');

describe('the mesh, when others misbehave', () => {
  let node: MeshNode;
  const others: { stop(): Promise<void> }[] = [];
  const raws: RawPeer[] = [];

  beforeEach(async () => {
    node = (await MeshNode.start('m', { secret: SECRET, gids: () => ({ main: 'gid-1' }) })).listen();
  });

  afterEach(async () => {
    for (const raw of raws.splice(0)) raw.socket.terminate();
    await Promise.all([node, ...others.splice(0)].map((each) => each.stop()));
    assert.deepEqual(node.fatal, []);
  });

  function raw(options: { readonly autoPong?: boolean } = {}): RawPeer {
    const peer = new RawPeer(node.port, options);
    raws.push(peer);
    return peer;
  }

  function goodPeer(id = 'p'): Promise<RawPeer> {
    return raw().shake({ id, secret: SECRET }, 'm');
  }

  /** A peer in good standing must not notice anything. */
  async function unharmed(good: RawPeer): Promise<void> {
    const before = node.heard.got.length;
    good.post(good.frame([{ group: 'main', message: ask(1) }]));
    await until('the good peer is heard', () => node.heard.got.length === before + 1);
    assert.equal(good.closed, null);
  }

  function unmoved(): void {
    assert.deepEqual(node.heard.got, []);
    assert.deepEqual(
      node.heard.events.filter((event) => !event.endsWith(' p')),
      [],
    );
  }

  test('closes 4401 on a peer without the secret, with a wrong one, or of another cluster, before it reads a frame', async () => {
    const cases = [
      [{ id: 'x', secret: null }, /not authenticated/],
      [{ id: 'x', secret: 'guessed' }, /not authenticated/],
      [{ id: 'x', secret: SECRET, gids: () => ({ main: 'gid-2' }) }, /group main has another gid/],
      [{ id: 'm', secret: SECRET }, /own id/],
      [{ id: '../x', secret: SECRET }, /not a node id/],
    ] as const;
    for (const [self, reason] of cases) {
      const peer = raw();
      await assert.rejects(peer.shake(self, 'm'), reason);
      assert.equal((await peer.closing()).code, 4401);
    }
    unmoved();
  });

  test('closes 4401 on a dialler that looks for somebody else', async () => {
    const peer = raw();
    await assert.rejects(peer.shake({ id: 'x', secret: SECRET }, 'other'), /this is node m/);
    assert.equal((await peer.closing()).code, 4401);
  });

  test('closes 4401 on a handshake that is replayed', async () => {
    const good = await goodPeer();
    const replay = await raw().open();
    for (const message of good.sent) replay.post(message);
    const { code, reason } = await replay.closing();
    assert.equal(code, 4401);
    assert.match(reason, /not authenticated/);
    await unharmed(good);
    assert.deepEqual(node.heard.events, ['connected p']);
  });

  test('closes 4401 on garbage, on text and on nothing in place of a handshake', async () => {
    for (const [bytes, binary] of [
      [NOISE, true],
      [Buffer.alloc(0), true],
      [Buffer.from('hello'), false],
    ] as const) {
      const peer = await raw().open();
      peer.socket.send(bytes, { binary });
      assert.equal((await peer.closing()).code, 4401);
    }
    const mute = await raw().open();
    const { code, reason } = await mute.closing();
    assert.equal(code, 4401);
    assert.match(reason, /timed out/);
    unmoved();
  });

  test('says once what is wrong, however often it happens', async () => {
    for (let i = 0; i < 20; i++) {
      const peer = await raw().open();
      peer.socket.send(NOISE);
      await peer.closing();
    }
    const notes = node.notes.filter(({ name }) => name === 'mesh-refused');
    assert.equal(notes.length, 1);
    assert.equal(JSON.stringify(node.notes).includes(SECRET), false);
  });

  test('closes 4400 on a frame that is garbled, forged, replayed or text, and leaves the others alone', async () => {
    const good = await goodPeer();
    const spoilers: readonly ((peer: RawPeer) => void)[] = [
      (peer) => peer.post(NOISE),
      (peer) => peer.post(Buffer.alloc(0)),
      (peer) => peer.socket.send('text'),
      (peer) => {
        const frame = peer.frame([{ group: 'main', message: ask(5) }]);
        frame[15] = (frame[15] ?? 0) ^ 1;
        peer.post(frame);
      },
      (peer) => {
        // The frame of another link, whole and authentic there.
        peer.post(good.frame([{ group: 'main', message: ask(5) }]));
      },
    ];
    for (const [i, spoil] of spoilers.entries()) {
      const peer = await goodPeer(`x${i}`);
      spoil(peer);
      assert.equal((await peer.closing()).code, 4400);
    }
    const replayer = await goodPeer('y');
    const frame = replayer.frame([{ group: 'main', message: ask(9) }]);
    replayer.post(frame);
    replayer.post(frame);
    assert.equal((await replayer.closing()).code, 4400);
    assert.deepEqual(
      node.heard.got.map(({ from }) => from),
      ['y'],
    );
    assert.equal(good.closed, null);
    assert.ok(node.transport.isConnected('p'));
  });

  test('closes 4400 on a prepare or an accept in the name of another node, and delivers nothing of its frame', async () => {
    const ballot = { round: 3, node: 'victim' };
    const forged: readonly PeerMessage[] = [
      { type: 'prepare', instance: 1, ballot },
      { type: 'accept', instance: 1, ballot, value: { id: 'v', bytes: new Uint8Array(1) }, chain: 0 },
    ];
    for (const [i, message] of forged.entries()) {
      const peer = await goodPeer(`x${i}`);
      peer.post(
        peer.frame([
          { group: 'main', message: ask(1) },
          { group: 'main', message },
        ]),
      );
      const { code, reason } = await peer.closing();
      assert.equal(code, 4400);
      assert.match(reason, /ballot of another node/);
    }
    assert.deepEqual(node.heard.got, []);
  });

  test('closes 1009 on a frame above the limit, before and after the handshake', async () => {
    const good = await goodPeer();
    const huge = Buffer.alloc(FRAME_BYTES_MAX + 1);
    for (const peer of [await raw().open(), await goodPeer('x')]) {
      peer.socket.send(huge);
      const { code } = await peer.closing();
      assert.ok(code === 1009 || code === 1006, `${code}`);
    }
    await unharmed(good);
    assert.deepEqual(
      node.heard.got.map(({ from }) => from),
      ['p'],
    );
  });

  test('notices a peer that has fallen silent, and only that one', async () => {
    const good = await goodPeer();
    const silent = await goodPeer('x');
    silent.socket.pause();
    await until('the silent one is given up', () => !node.transport.isConnected('x'));
    assert.ok(node.transport.isConnected('p'));
    assert.ok(node.notes.some(({ name, facts }) => name === 'mesh-down' && facts['reason'] === 'silent'));
    await unharmed(good);
  });

  test('keeps an idle link for as long as the peer answers pings', async () => {
    const good = await goodPeer();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await until('its round trip is known', () => (node.transport.stats()[0]?.rttMs ?? null) !== null);
    assert.equal(good.closed, null);
    assert.ok((node.transport.stats()[0]?.rttMs ?? -1) >= 0);
  });

  test('drops what a slow peer does not take, within its bound, and serves the others', async () => {
    const bound = 1024 * 1024;
    const slowNode = (await MeshNode.start('s', { bufferBytesMax: bound })).listen();
    others.push(slowNode);
    const slow = await new RawPeer(slowNode.port).shake({ id: 'x' }, 's');
    const quick = await new RawPeer(slowNode.port).shake({ id: 'y' }, 's');
    raws.push(slow, quick);
    slow.socket.pause();
    const alive = setInterval(() => slow.socket.ping(), 100);
    const batch = new Uint8Array(100_000);
    let most = 0;
    for (let i = 0; i < 300; i++) {
      for (const to of ['x', 'y'])
        slowNode.transport.send(to, 'main', { type: 'forward', id: i, reply: false, waitMs: 1, batch });
      slowNode.transport.flush();
      for (const { bufferedBytes } of slowNode.transport.stats()) most = Math.max(most, bufferedBytes);
      await until('the quick one has it', () => quick.messages.length > 0);
      assert.equal(quick.received().length, 1);
    }
    const dropped = new Map(slowNode.transport.stats().map(({ id, droppedMessages }) => [id, droppedMessages]));
    clearInterval(alive);
    assert.ok(slowNode.transport.isConnected('x'));
    assert.ok((dropped.get('x') ?? 0) > 0);
    assert.equal(dropped.get('y'), 0);
    assert.ok(most <= bound + 200_000, `${most} bytes waited`);
  });

  test('turns new strangers away while too many are shaking hands, and takes them afterwards', async () => {
    const crowd = await Promise.all(Array.from({ length: 128 }, () => raw().open()));
    const late = await raw().open();
    assert.equal((await late.closing()).code, 1013);
    for (const peer of crowd) peer.socket.terminate();
    await until('one is let in again', () => {
      if (raws.at(-1)?.closed !== null || raws.at(-1) === late)
        void raw()
          .shake({ id: 'p', secret: SECRET }, 'm')
          .catch(() => undefined);
      return node.transport.isConnected('p');
    });
  });

  test('follows no redirect when it dials, and knocks at no other kind of URL', async () => {
    let knocks = 0;
    const trap = createServer((_request, response) => response.end()).on('upgrade', (_request, socket) => {
      knocks++;
      socket.end();
    });
    const redirect = createServer().on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${urlOf(trap)}/mesh\r\nConnection: close\r\n\r\n`);
    });
    for (const server of [trap, redirect]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      others.push({
        stop: async () => {
          server.close();
          server.closeAllConnections();
        },
      });
    }
    node.transport.setPeers([
      { id: 'z1', url: urlOf(redirect) },
      { id: 'z2', url: 'file:///etc/passwd' },
      { id: 'z3', url: 'not a url' },
      { id: 'z4', url: `http://user:password@${urlOf(trap).slice(7)}` },
    ]);
    await until('all have failed', () =>
      ['z1', 'z2', 'z3', 'z4'].every((id) => node.notes.some(({ facts }) => facts['who'] === id)),
    );
    assert.equal(knocks, 0);
    assert.equal(JSON.stringify(node.notes).includes('password@'), false);
  });

  test('is not impressed by a connection that breaks off in the middle of the upgrade', async () => {
    const socket = connect(node.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /mesh HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgr');
    socket.destroy();
    await unharmed(await goodPeer());
  });
});

function urlOf(server: ReturnType<typeof createServer>): string {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}
