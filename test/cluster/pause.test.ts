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

/** Asks every node over and over whether it is master. */
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

  async #ask(node: NodeProcess): Promise<void> {
    while (this.#running) {
      const asked = performance.now();
      const answer = await masterAt(node, 20_000).catch(() => null);
      // A question that waited for a frozen process was answered after the thaw.
      const since = node.thawedAt < performance.now() ? Math.max(asked, node.thawedAt) : asked;
      if (answer !== null) this.seen.push({ ...answer, at: node, asked: since, answered: performance.now() });
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
    frozen.signal('SIGSTOP');
    const others = cluster.others(frozen);
    for (const { url } of others) await load.progress(30, url);
    await eventually('another node takes the lease', async () => {
      const answers = await Promise.all(others.map((node) => masterAt(node)));
      return answers.some(({ self }) => self);
    });
    await load.progress(30);
    frozen.signal('SIGCONT');
    await load.progress(30, frozen.url);
  }
  await watch.close();
  await load.stop();
  assert.ok(new Set(watch.seen.filter(({ self }) => self).map(({ at }) => at.id)).size >= 2, 'the lease moved');
  const overlap = watch.overlap?.map(({ at, version, asked, answered }) => ({ node: at.id, version, asked, answered }));
  assert.equal(overlap, undefined, `two masters at one moment: ${JSON.stringify(overlap)}`);
  await verify(cluster, [load], followers);
});
