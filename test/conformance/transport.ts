// The public suite of the Transport port. Every adapter passes it: give it a way to make a world of nodes.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { GroupId, NodeId } from '../../src/core/ids.js';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import type { PeerAddress, PeerHello, Transport, TransportListener } from '../../src/engine/ports.js';

export interface TransportNode {
  readonly transport: Transport;
  readonly address: PeerAddress;
  /** What its handshake tells of its store. */
  readonly store: string;
}

/** A network of nodes. `until` lets it run until the condition holds, and throws when that takes too long. */
export interface TransportWorld {
  /** A new life of the node with this id; an earlier one must be closed. The address stays the same. */
  node(id: NodeId): Promise<TransportNode>;
  until(what: string, condition: () => boolean): Promise<void>;
  /** Lets the network run until what is on its way has arrived. */
  settle(): Promise<void>;
  end(): Promise<void>;
}

interface Received {
  readonly from: NodeId;
  readonly group: GroupId;
  readonly message: PeerMessage;
}

/** A listener that keeps a record, and checks what holds for every listener. */
export class Recorder implements TransportListener {
  readonly got: Received[] = [];
  readonly events: string[] = [];
  readonly linked = new Map<NodeId, PeerHello>();

  received(from: PeerHello, group: GroupId, message: PeerMessage): void {
    assert.equal(this.linked.get(from.id)?.store, from.store, 'received from a peer that is not connected');
    this.got.push({ from: from.id, group, message });
  }

  connected(peer: PeerHello): void {
    assert.equal(this.linked.has(peer.id), false, 'connected twice');
    this.linked.set(peer.id, peer);
    this.events.push(`connected ${peer.id}`);
  }

  disconnected(peer: PeerHello): void {
    assert.ok(this.linked.delete(peer.id), 'disconnected without connected');
    this.events.push(`disconnected ${peer.id}`);
  }

  opens(from: NodeId): number[] {
    return this.got.flatMap(({ from: sender, message }) =>
      sender === from && message.type === 'ask' ? [message.open] : [],
    );
  }
}

export function ask(open: number): PeerMessage {
  return { type: 'ask', open };
}

export function transportConformance(name: string, makeWorld: () => Promise<TransportWorld>): void {
  describe(`${name} as a transport`, () => {
    let world: TransportWorld;

    beforeEach(async () => {
      world = await makeWorld();
    });

    afterEach(() => world.end());

    async function start(id: NodeId): Promise<TransportNode & { readonly heard: Recorder }> {
      const { transport, address, store } = await world.node(id);
      const heard = new Recorder();
      transport.listen(heard);
      return { transport, address, store, heard };
    }

    async function pair() {
      const [a, b] = [await start('a'), await start('b')];
      for (const node of [a, b]) node.transport.setPeers([a.address, b.address]);
      await world.until('a and b are linked', () => a.heard.linked.has('b') && b.heard.linked.has('a'));
      return { a, b };
    }

    test('links every two of three nodes once, and tells each the other one and its store', async () => {
      const nodes = [await start('a'), await start('b'), await start('c')];
      for (const node of nodes) node.transport.setPeers(nodes.map(({ address }) => address));
      await world.until('all are linked', () => nodes.every(({ heard }) => heard.linked.size === 2));
      await world.settle();
      for (const node of nodes) {
        for (const other of nodes) {
          if (other === node) continue;
          assert.deepEqual(node.heard.linked.get(other.address.id), { id: other.address.id, store: other.store });
          assert.equal(node.transport.isConnected(other.address.id), true);
        }
        assert.equal(node.transport.isConnected(node.address.id), false);
      }
    });

    test('brings messages whole and in order, over all groups and flushes', async () => {
      const { a, b } = await pair();
      const sent: { group: string; message: PeerMessage }[] = [];
      for (let i = 0; i < 500; i++) {
        const bytes = Uint8Array.from({ length: i % 300 }, (_, at) => (at + i) % 256);
        const value = { id: `a/${i}`, bytes };
        const message: PeerMessage =
          i % 2 === 0
            ? { type: 'accept', instance: i, ballot: { round: 1, node: 'a' }, value, chain: i }
            : { type: 'forward', id: i, reply: true, waitMs: 10, batch: bytes };
        sent.push({ group: `group-${i % 7}`, message });
      }
      for (const [i, { group, message }] of sent.entries()) {
        a.transport.send('b', group, message);
        if (i % 50 === 0) a.transport.flush();
      }
      a.transport.flush();
      await world.until('all have arrived', () => b.heard.got.length >= sent.length);
      assert.deepEqual(
        b.heard.got,
        sent.map((pair) => ({ from: 'a', ...pair })),
      );
    });

    test('sends nothing before the flush', async () => {
      const { a, b } = await pair();
      a.transport.send('b', 'main', ask(1));
      await world.settle();
      assert.deepEqual(b.heard.got, []);
      a.transport.flush();
      await world.until('it has arrived', () => b.heard.got.length === 1);
    });

    test('leaves received bytes alone whatever comes afterwards', async () => {
      const { a, b } = await pair();
      for (let i = 0; i < 50; i++) {
        a.transport.send('b', 'main', {
          type: 'forward',
          id: i,
          reply: false,
          waitMs: 1,
          batch: new Uint8Array(100).fill(i),
        });
        a.transport.flush();
        if (i % 10 === 0) await world.settle();
      }
      await world.until('all have arrived', () => b.heard.got.length === 50);
      for (const [i, { message }] of b.heard.got.entries()) {
        assert.ok(message.type === 'forward');
        assert.deepEqual(message.batch, new Uint8Array(100).fill(i));
      }
    });

    test('drops what is sent to itself, to strangers and to peers that are away', async () => {
      const { a, b } = await pair();
      for (const to of ['a', 'nobody']) a.transport.send(to, 'main', ask(1));
      a.transport.flush();
      await b.transport.close();
      await world.until('a has noticed', () => !a.transport.isConnected('b'));
      a.transport.send('b', 'main', ask(2));
      a.transport.flush();
      const again = await start('b');
      again.transport.setPeers([a.address]);
      await world.until('b is back', () => a.heard.linked.has('b') && again.heard.linked.has('a'));
      a.transport.send('b', 'main', ask(3));
      a.transport.flush();
      await world.until('the third has arrived', () => again.heard.got.length > 0);
      assert.deepEqual(again.heard.opens('a'), [3]);
      assert.deepEqual(a.heard.got, []);
      assert.deepEqual(a.heard.events, ['connected b', 'disconnected b', 'connected b']);
    });

    test('is linked with one that it was not told of', async () => {
      const [a, stranger] = [await start('a'), await start('z')];
      stranger.transport.setPeers([a.address]);
      await world.until('both know', () => a.heard.linked.has('z') && stranger.heard.linked.has('a'));
      a.transport.send('z', 'main', ask(7));
      a.transport.flush();
      await world.until('it has arrived', () => stranger.heard.opens('a').length === 1);
    });

    test('lets go of a peer that both were told to forget', async () => {
      const { a, b } = await pair();
      for (const node of [a, b]) node.transport.setPeers([]);
      await world.until('both are alone', () => !a.transport.isConnected('b') && !b.transport.isConnected('a'));
      await world.settle();
      assert.deepEqual(a.heard.events, ['connected b', 'disconnected b']);
    });

    test('keeps its links when the same peers are named again', async () => {
      const { a, b } = await pair();
      for (const node of [a, b]) node.transport.setPeers([b.address, a.address]);
      await world.settle();
      assert.deepEqual(a.heard.events, ['connected b']);
      assert.equal(a.transport.isConnected('b'), true);
    });

    test('delivers nothing more when it is closed in the middle of a delivery', async () => {
      const { a, b } = await pair();
      const received = b.heard.received.bind(b.heard);
      let closed: Promise<void> | null = null;
      b.heard.received = (from, group, message) => {
        received(from, group, message);
        closed ??= b.transport.close();
      };
      for (const open of [1, 2, 3]) a.transport.send('b', 'main', ask(open));
      a.transport.flush();
      await world.until('the first has arrived', () => closed !== null);
      await closed;
      await world.settle();
      assert.deepEqual(b.heard.opens('a'), [1]);
    });

    test('delivers nothing after it was closed, and may be closed twice', async () => {
      const { a, b } = await pair();
      b.transport.send('a', 'main', ask(1));
      b.transport.flush();
      const closed = Promise.all([a.transport.close(), a.transport.close()]);
      const before = a.heard.got.length;
      await closed;
      await world.until('b has noticed', () => !b.transport.isConnected('a'));
      assert.equal(a.heard.got.length, before);
      assert.equal(a.transport.isConnected('b'), false);
      a.transport.send('b', 'main', ask(2));
      a.transport.flush();
      await world.settle();
      assert.deepEqual(b.heard.got, []);
    });
  });
}
