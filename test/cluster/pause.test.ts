// A master that stands still for longer than its lease, under load. Others go on, and at no moment do two nodes hold the
// lease: judged by answers of one node, then another, then the first again, which overlap for certain.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { Cluster, type MasterAnswer, masterAt } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load } from './load.js';
import { eventually, type NodeProcess, pause, READY_MS } from './node-process.js';
import { verify } from './verify.js';

const keep = keeper(after);

interface Seen extends MasterAnswer {
  readonly at: NodeProcess;
  readonly asked: number;
  readonly answered: number;
}

/**
 * Asks every node over and over whether it is master. An answer that a freeze fell into proves nothing: it may have been
 * found before the freeze and sent after it. Only what was asked of a process that stood still is known to be newer.
 */
class MasterWatch {
  readonly seen: Seen[] = [];
  readonly #loops: Promise<void>[];
  #running = true;

  constructor(nodes: readonly NodeProcess[]) {
    this.#loops = nodes.map((node) => this.#ask(node));
  }

  /** Two that held the lease at one moment, or null. */
  get overlap(): readonly Seen[] | null {
    const holders = this.seen.filter(({ self }) => self);
    for (const one of holders) {
      for (const other of holders) {
        if (other.at === one.at || other.answered > one.asked) continue;
        const again = holders.find(
          ({ at, version, asked }) => at === other.at && version === other.version && asked >= one.answered,
        );
        if (again !== undefined) return [other, one, again];
      }
    }
    return null;
  }

  async close(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }

  /** Asks a node that stands still. It finds its answer after the thaw. */
  askFrozen(node: NodeProcess): void {
    const answer = masterAt(node).then((told) => {
      this.seen.push({ ...told, at: node, asked: node.thawedAt, answered: performance.now() });
    });
    this.#loops.push(answer);
  }

  async #ask(node: NodeProcess): Promise<void> {
    while (this.#running) {
      const asked = performance.now();
      const answer = await masterAt(node).catch(() => null);
      const answered = performance.now();
      const wasFrozen = asked < node.thawedAt && node.thawedAt <= answered;
      if (answer !== null && !wasFrozen) this.seen.push({ ...answer, at: node, asked, answered });
      await pause(10);
    }
  }
}

test('a master frozen for longer than its lease loses it, never shares it, and loses nothing that was acknowledged', async () => {
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '1000' } }));
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const load = keep(new Load({ urls: cluster.urls, clients: 9, timeoutMs: 1500 }));
  await cluster.master();
  const watch = keep(new MasterWatch(cluster.nodes));
  for (let round = 0; round < 3; round++) {
    const frozen = await cluster.master();
    await load.progress(50);
    await frozen.freeze();
    watch.askFrozen(frozen);
    const others = cluster.others(frozen);
    for (const { url } of others) await load.progress(30, url);
    await eventually('another node takes the lease', async () => {
      const answers = await Promise.all(others.map((node) => masterAt(node)));
      return answers.some(({ self }) => self);
    });
    await load.progress(30);
    frozen.thaw();
    await load.progress(30, frozen.url);
  }
  await watch.close();
  await load.stop();
  assert.ok(new Set(watch.seen.filter(({ self }) => self).map(({ at }) => at.id)).size >= 2, 'the lease moved');
  const overlap = watch.overlap?.map(({ at, version, asked, answered }) => ({ node: at.id, version, asked, answered }));
  assert.equal(overlap, undefined, `two masters at one moment: ${JSON.stringify(overlap)}`);
  await verify(cluster, [load], followers);
});

/** Everything that was ever said on the feed of a node about who is master. */
class MasterNews {
  readonly said: { readonly node: string | null; readonly self: boolean }[] = [];
  readonly #socket: WebSocket;

  constructor(node: NodeProcess) {
    this.#socket = new WebSocket(`${node.url.replace('http', 'ws')}/v1/groups/main/feed`);
    this.#socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString());
      if (frame.type === 'master') this.said.push(frame);
    });
  }

  async opened(): Promise<void> {
    await eventually('the feed is open', () => this.#socket.readyState === WebSocket.OPEN);
  }

  async close(): Promise<void> {
    this.#socket.terminate();
  }
}

test('a master that wakes up after its lease says nowhere that it is master: not in what it was asked meanwhile, not on the feed', async () => {
  // Fails when the view of the lease is kept from one renewal to the next: tried.
  const cluster = keep(await Cluster.start({ env: { PAXMESH_LEASE_MS: '1000' } }));
  const frozen = await cluster.master();
  const news = keep(new MasterNews(frozen));
  await news.opened();
  await frozen.freeze();
  // What it said before has come in: it says nothing more, and this process has looked.
  await pause(50);
  const before = news.said.length;
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`${frozen.url}${path}`, { signal: AbortSignal.timeout(READY_MS) });
    return answer.text();
  };
  const asked = ['/v1/groups/main/master', '/v1/groups/main', '/v1/groups', '/metrics'].map(ask);
  await eventually('another node takes the lease', async () => {
    const answers = await Promise.all(cluster.others(frozen).map((node) => masterAt(node)));
    return answers.some(({ self }) => self);
  });
  frozen.thaw();
  const [master = '', group = '', groups = '', metrics = ''] = await Promise.all(asked);
  assert.equal(JSON.parse(master).self, false);
  assert.equal(JSON.parse(group).master.self, false);
  assert.equal(JSON.parse(groups).groups[0].master.self, false);
  assert.match(metrics, /^paxmesh_group_master\{group="main"\} 0$/m);
  await eventually('the feed tells who is master now', () => {
    return news.said.slice(before).some(({ node }) => node !== null && node !== frozen.id);
  });
  const [next = { node: null }] = news.said.slice(before).filter(({ node }) => node !== null);
  assert.notEqual(next.node, frozen.id, 'the first master it names is another');
});
