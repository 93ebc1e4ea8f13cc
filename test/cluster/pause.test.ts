// A master that stands still for longer than its lease, under load. Others go on, and at no moment do two nodes hold the
// lease: judged by answers of one node, then another, then the first again, which overlap for certain.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Cluster, type MasterAnswer, masterAt } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load } from './load.js';
import { eventually, type NodeProcess, pause } from './node-process.js';
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
    const answer = masterAt(node, 20_000).then((told) => {
      this.seen.push({ ...told, at: node, asked: node.thawedAt, answered: performance.now() });
    });
    this.#loops.push(answer);
  }

  async #ask(node: NodeProcess): Promise<void> {
    while (this.#running) {
      const asked = performance.now();
      const answer = await masterAt(node, 20_000).catch(() => null);
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
