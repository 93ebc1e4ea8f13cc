import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvariantBroken } from '../../src/core/invariant.js';
import { FIRST_PATIENCE_MS, HEARTBEAT_MS, REDIAL_MS, SILENCE_MS_MAX } from '../../src/net/limits.js';
import type { MeshOptions } from '../../src/net/mesh.js';
import { ask } from '../conformance/transport.js';
import { FRAME_BYTES_MAX, MeshNode, RawPeer, until } from './mesh-world.js';

describe('the mesh', () => {
  const nodes: MeshNode[] = [];
  const raws: RawPeer[] = [];

  afterEach(async () => {
    for (const raw of raws.splice(0)) raw.socket.terminate();
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
  });

  async function start(id: string, changes: Partial<MeshOptions> = {}, port = 0): Promise<MeshNode> {
    const node = (await MeshNode.start(id, changes, port)).listen();
    nodes.push(node);
    return node;
  }

  function introduce(...all: readonly MeshNode[]): void {
    for (const node of all) node.transport.setPeers(all.map(({ address }) => address));
  }

  async function linked(...all: readonly MeshNode[]): Promise<void> {
    await until('all are linked', () =>
      all.every((node) => all.every((other) => other === node || node.transport.isConnected(other.address.id))),
    );
  }

  async function reached(from: MeshNode, to: MeshNode, open: number): Promise<void> {
    from.transport.send(to.address.id, 'main', ask(open));
    from.transport.flush();
    await until(`${open} arrives`, () => to.heard.opens(from.address.id).includes(open));
  }

  /** The same where a link may give way to another on the way: what was on the first is lost, and is said again. */
  async function reachedAtLast(from: MeshNode, to: MeshNode, open: number): Promise<void> {
    let saidAt = Number.NEGATIVE_INFINITY;
    await until(`${open} arrives`, () => {
      if (to.heard.opens(from.address.id).includes(open)) return true;
      if (performance.now() - saidAt > 100) {
        saidAt = performance.now();
        from.transport.send(to.address.id, 'main', ask(open));
        from.transport.flush();
      }
      return false;
    });
  }

  function roleOf(node: MeshNode): unknown {
    return node.notes.filter(({ name }) => name === 'mesh-up').at(-1)?.facts['role'];
  }

  /** What tells a process from its successors, as every peer gets to know it. */
  async function lifeOf(node: MeshNode): Promise<string> {
    const probe = await new RawPeer(node.port).shake({ id: 'probe' }, node.address.id);
    probe.socket.terminate();
    return probe.session?.life ?? '';
  }

  test('links again after a peer was started anew, and tells the new store', async () => {
    const [a, b] = [await start('a'), await start('b')];
    introduce(a, b);
    await linked(a, b);
    await b.stop();
    await until('a notices', () => !a.transport.isConnected('b'));
    await sleep(300);
    const again = await start('b', { store: () => 'another store' }, b.port);
    again.transport.setPeers([a.address]);
    await linked(a, again);
    await reachedAtLast(a, again, 1);
    await reachedAtLast(again, a, 2);
    assert.equal(a.heard.linked.get('b')?.store, 'another store');
  });

  test('ends with one link, the same on both sides, when both dial at about the same time', async () => {
    for (let round = 0; round < 12; round++) {
      const [a, b] = [await start('a'), await start('b')];
      b.transport.setPeers([a.address]);
      await sleep(FIRST_PATIENCE_MS - 12 + 2 * round);
      a.transport.setPeers([b.address]);
      await linked(a, b);
      await sleep(50);
      await reachedAtLast(a, b, 1);
      await reachedAtLast(b, a, 2);
      const roles = () => [roleOf(a), roleOf(b)].sort().join();
      await until(`each has one end of the link, round ${round}`, () => roles() === 'acceptor,dialler');
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  test('prefers the link of the smaller id to one that the larger brought up first, on both sides', async () => {
    const [a, b] = [await start('a'), await start('b')];
    b.transport.setPeers([a.address]);
    await linked(a, b);
    // What b sees when a, the same process, has dialled too.
    const dial = await new RawPeer(b.port).shake({ id: 'a', life: await lifeOf(a) }, 'b');
    raws.push(dial);
    await until('the earlier link is gone', () => !a.transport.isConnected('b'));
    assert.equal(dial.closed, null);
    assert.deepEqual(b.heard.events, ['connected a', 'disconnected a', 'connected a']);
  });

  test('refuses the larger id a second link to the same process', async () => {
    const [b, c] = [await start('b'), await start('c')];
    introduce(b, c);
    await linked(b, c);
    const second = new RawPeer(b.port);
    raws.push(second);
    await assert.rejects(second.shake({ id: 'c', life: await lifeOf(c) }, 'b'), /4409/);
    await reached(b, c, 1);
    assert.deepEqual(b.heard.events, ['connected c']);
  });

  test('lets a later process of a peer take over from the earlier one', async () => {
    const [b, c] = [await start('b'), await start('c')];
    introduce(b, c);
    await linked(b, c);
    const later = await new RawPeer(b.port).shake({ id: 'c', life: 'a later one', store: 'store-2' }, 'b');
    raws.push(later);
    assert.equal(b.heard.linked.get('c')?.store, 'store-2');
    assert.deepEqual(b.heard.events.slice(0, 3), ['connected c', 'disconnected c', 'connected c']);
  });

  test('dials with the larger id when the smaller does not come', async () => {
    const [a, b] = [await start('a'), await start('b')];
    b.transport.setPeers([a.address]);
    await linked(a, b);
    await reached(a, b, 1);
  });

  test('follows a peer to its new address', async () => {
    const [a, b] = [await start('a'), await start('b')];
    a.transport.setPeers([{ id: 'b', url: 'http://127.0.0.1:1' }]);
    await until('the dial has failed', () => a.notes.some(({ name }) => name === 'mesh-dial-failed'));
    a.transport.setPeers([b.address]);
    await linked(a, b);
  });

  test('finds out that another node answers at the address of its peer', async () => {
    const [a, x] = [await start('a'), await start('x')];
    a.transport.setPeers([{ id: 'b', url: x.address.url }]);
    await until('it says so', () => a.notes.some(({ facts }) => String(facts['reason']).includes('this is node x')));
    assert.deepEqual([...a.heard.events, ...x.heard.events], []);
  });

  test('forgets a stranger that has left, and looks for nobody it was not told of', async () => {
    const [a, b] = [await start('a'), await start('b')];
    b.transport.setPeers([a.address]);
    await linked(a, b);
    await b.stop();
    await until('a notices', () => !a.transport.isConnected('b'));
    await sleep(2 * REDIAL_MS);
    assert.deepEqual(a.transport.stats(), []);
    assert.deepEqual(
      a.notes.map(({ name }) => name),
      ['mesh-up', 'mesh-down'],
    );
  });

  test('gathers a turn into one frame, and splits what is too much for one', async () => {
    const [a, b] = [await start('a'), await start('b')];
    introduce(a, b);
    await linked(a, b);
    for (let i = 0; i < 100; i++) a.transport.send('b', 'main', ask(i));
    a.transport.flush();
    await until('all arrive', () => b.heard.got.length === 100);
    const frames = () => a.transport.stats().find(({ id }) => id === 'b')?.framesOut;
    assert.equal(frames(), 1);
    const batch = new Uint8Array(100_000);
    for (let i = 0; i < 10; i++)
      a.transport.send('b', 'main', { type: 'forward', id: i, reply: false, waitMs: 1, batch });
    a.transport.flush();
    await until('all arrive', () => b.heard.got.length === 110);
    assert.equal(frames(), 6);
  });

  test('carries the largest frame its peer takes, drops a larger one, and lives on', async () => {
    const [a, b] = [await start('a', { frameBytesMax: 2 * FRAME_BYTES_MAX }), await start('b')];
    introduce(a, b);
    await linked(a, b);
    const forward = (length: number) =>
      ({ type: 'forward', id: length, reply: false, waitMs: 1, batch: new Uint8Array(length) }) as const;
    a.transport.send('b', 'main', ask(1));
    a.transport.send('b', 'main', forward(FRAME_BYTES_MAX - 100));
    a.transport.send('b', 'main', forward(FRAME_BYTES_MAX));
    a.transport.send('b', 'main', ask(2));
    a.transport.flush();
    await until('the last arrives', () => b.heard.opens('a').includes(2));
    assert.deepEqual(
      b.heard.got.map(({ message }) => message.type),
      ['ask', 'forward', 'ask'],
    );
    assert.equal(a.transport.stats().find(({ id }) => id === 'b')?.droppedMessages, 1);
    assert.deepEqual(b.heard.events, ['connected a']);
  });

  test('does not blame its peers when it stood still itself', async () => {
    const [a, b] = [await start('a'), await start('b')];
    introduce(a, b);
    await linked(a, b);
    await sleep(2 * HEARTBEAT_MS);
    const end = performance.now() + SILENCE_MS_MAX + 2 * HEARTBEAT_MS;
    while (performance.now() < end);
    await sleep(2 * HEARTBEAT_MS);
    assert.deepEqual([...a.heard.events, ...b.heard.events], ['connected b', 'connected a']);
  });

  test('hands a broken invariant of its listener to the node, and delivers nothing more', async () => {
    const a = await start('a');
    const b = await MeshNode.start('b');
    nodes.push(b);
    const got: number[] = [];
    const broken = new InvariantBroken('of-this-test', 'at 2');
    b.transport.listen({
      connected: () => undefined,
      disconnected: () => undefined,
      received: (_from, _group, message) => {
        if (message.type !== 'ask') return;
        got.push(message.open);
        if (message.open === 2) throw broken;
      },
    });
    a.transport.setPeers([b.address]);
    await until('a is linked', () => a.transport.isConnected('b'));
    for (const open of [1, 2, 3]) a.transport.send('b', 'main', ask(open));
    a.transport.flush();
    await until('the node hears of it', () => b.fatal.length > 0);
    await until('a is told', () => !a.transport.isConnected('b'));
    assert.deepEqual(got, [1, 2]);
    assert.deepEqual(b.fatal, [broken]);
  });

  test('closes in time although a peer does not answer, and frees its port', async () => {
    const a = await start('a');
    const raw = await new RawPeer(a.port).shake({ id: 'x' }, 'a');
    raws.push(raw);
    raw.socket.pause();
    await a.stop();
    assert.deepEqual(a.heard.events, ['connected x', 'disconnected x']);
    await start('a', {}, a.port);
  });

  test('counts what went over the links of a peer, over all their lives', async () => {
    const [a, b] = [await start('a'), await start('b')];
    introduce(a, b);
    await linked(a, b);
    await reached(a, b, 1);
    await b.stop();
    await until('a notices', () => !a.transport.isConnected('b'));
    const again = await start('b', {}, b.port);
    await linked(a, again);
    await reached(a, again, 2);
    await reached(again, a, 3);
    const [stats] = a.transport.stats();
    assert.ok(stats !== undefined);
    const { id, connected, links, framesOut, framesIn, messagesOut, droppedMessages } = stats;
    assert.deepEqual(
      { id, connected, links, framesOut, framesIn, messagesOut, droppedMessages },
      { id: 'b', connected: true, links: 2, framesOut: 2, framesIn: 1, messagesOut: 2, droppedMessages: 0 },
    );
    assert.ok(stats.bytesOut > 0 && stats.bytesIn > 0);
  });

  test('two clusters that met before they were founded part when they tell, and do not meet again', async () => {
    const gid: Record<string, string | null> = { a: null, b: null };
    const a = await start('a', { gids: () => ({ main: gid['a'] ?? null }) });
    const b = await start('b', { gids: () => ({ main: gid['b'] ?? null }) });
    introduce(a, b);
    await linked(a, b);
    gid['a'] = 'one';
    gid['b'] = 'another';
    a.transport.part('b');
    await until('the link is gone', () => !a.transport.isConnected('b') && !b.transport.isConnected('a'));
    await until('the next handshake is refused', () =>
      [...a.notes, ...b.notes].some(({ facts }) => String(facts['reason']).includes('another gid')),
    );
    assert.equal(a.transport.isConnected('b'), false);
  });
});
