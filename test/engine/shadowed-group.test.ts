// Whole groups with a machine that has a shadow: checkpoints are taken, installed and started from, nodes are cut off and
// killed, and the machine itself is never asked for a snapshot. Over the store in memory and over the one on disk.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EmbeddedStore } from '../../src/store/embedded-store.js';
import { Cluster } from '../faults/cluster.js';
import { Journal } from './journal.js';
import { loneNode } from './lone-node.js';

const KEEP = 300;

/** `journals`: of all starts of each node, the newest last. */
async function startCluster(kind: ((node: string) => (() => Journal) | null) | null = null) {
  const journals = new Map<string, Journal[]>();
  const cluster = await Cluster.start({
    machines: (node) => {
      const journal = new Journal(kind?.(node) ?? null);
      journals.set(node, [...(journals.get(node) ?? []), journal]);
      return [journal];
    },
  });
  await cluster.result(cluster.group(cluster.master).setRetention({ keepInstances: KEEP }));
  return { cluster, journals, lines: (node: string) => journals.get(node)?.at(-1)?.lines };
}

async function say(cluster: Cluster, count: number, what: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const text = i % 10 === 7 ? 'no' : `${what} ${i}`;
    const command = { machine: 'journal', encoding: 'utf8' as const, bytes: Buffer.from(text) };
    const key = i % 5 === 0 ? { idempotencyKey: `${what} ${i - (i % 10)}` } : {};
    await cluster.answers([cluster.group(cluster.master).propose({ ...command, ...key })]);
  }
}

const isLevel = (cluster: Cluster) =>
  cluster.until('all are level', () =>
    cluster.ids.every((id) => cluster.group(id).applied === cluster.group(cluster.master).applied),
  );

// Tried: with a shadow that is given what was withheld, that is not reset by an installation, or that begins empty after a start,
// some machine is asked.
test('nodes that trim, lag, install and start again take all their checkpoints from shadows', async () => {
  const { cluster, journals, lines } = await startCluster();
  const [away = '', other = ''] = cluster.others;
  await say(cluster, 150, 'together');
  await cluster.result(cluster.group(away).takeCheckpoint());
  cluster.swallow(away);
  await say(cluster, 500, 'without one');
  await cluster.until('trimmed', () => cluster.group(other).firstKept > 300);
  assert.ok(cluster.group(away).applied < 300);
  cluster.mend(away);
  await isLevel(cluster);
  assert.ok(cluster.group(away).firstKept > 300, 'it has installed');
  cluster.kill(other);
  await cluster.startNode(other);
  await say(cluster, 150, 'together again');
  await isLevel(cluster);
  for (const id of cluster.ids) {
    await cluster.result(cluster.group(id).takeCheckpoint());
    assert.deepEqual(lines(id), lines(cluster.master), id);
  }
  // What they wrote is what they start from.
  for (const id of cluster.others) {
    cluster.kill(id);
    await cluster.startNode(id);
    await isLevel(cluster);
    assert.deepEqual(lines(id), lines(cluster.master), id);
  }
  const all = [...journals.values()].flat();
  assert.equal(all.length, 6);
  assert.deepEqual(
    all.map(({ snapshots }) => snapshots),
    [0, 0, 0, 0, 0, 0],
  );
  assert.ok(all.flatMap(({ shadows }) => shadows).some(({ snapshots }) => snapshots > 3));
});

// Tried: with a shadow that begins empty after the start, and with one that misses the last instance.
test('a node that dies while its shadow is fed begins again with its last checkpoint', async () => {
  let isToDie = false;
  let dies = () => {};
  class Last extends Journal {
    override apply(...call: Parameters<Journal['apply']>) {
      if (isToDie && this.lines.length === 300) dies();
      return super.apply(...call);
    }
  }
  const { cluster, journals, lines } = await startCluster(() => () => new Last());
  const [node = ''] = cluster.others;
  await cluster.result(cluster.group(cluster.master).setRetention({ keepInstances: 10_000 }));
  await say(cluster, 200, 'before');
  const first = await cluster.result(cluster.group(node).takeCheckpoint());
  await say(cluster, 200, 'behind');
  isToDie = true;
  dies = () => {
    isToDie = false;
    cluster.kill(node);
  };
  void cluster
    .group(node)
    .takeCheckpoint()
    .catch(() => undefined);
  await cluster.until('it is dead', () => !isToDie);
  await cluster.startNode(node);
  assert.equal(cluster.group(node).checkpoints()[0]?.instanceId, first.instanceId);
  await isLevel(cluster);
  await say(cluster, 10, 'after');
  await isLevel(cluster);
  await cluster.result(cluster.group(node).takeCheckpoint());
  cluster.kill(node);
  await cluster.startNode(node);
  await isLevel(cluster);
  assert.deepEqual(lines(node), lines(cluster.master));
  assert.deepEqual(
    journals.get(node)?.map(({ snapshots }) => snapshots),
    [0, 0, 0],
  );
});

test('over the embedded store: the log is read back from disk, and a start finds all of it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'shadow-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const lives: Journal[] = [];
  const start = async () => {
    const journal = new Journal();
    lives.push(journal);
    const store = new EmbeddedStore(directory);
    const { node } = await loneNode({ store, machines: [journal] });
    const close = async () => {
      node.close();
      await store.close();
    };
    context.after(close);
    const group = node.group('main');
    assert.ok(group !== undefined);
    return { group, journal, close };
  };
  const said = (text: string) => ({ machine: 'journal', encoding: 'utf8' as const, bytes: Buffer.from(text) });
  const one = await start();
  for (let i = 0; i < 20; i++) await one.group.propose(said(`before ${i}`));
  const { instanceId } = await one.group.takeCheckpoint();
  for (let i = 0; i < 200; i++) {
    await one.group.proposeBatch(['a', 'b', 'no'].map((text) => said(`${text} ${i}`)));
  }
  await one.close();
  const two = await start();
  assert.equal(two.group.checkpoints()[0]?.instanceId, instanceId);
  await two.group.read('journal', null);
  assert.equal(two.journal.lines.length, 620);
  // What it is fed with was chosen in the life before.
  await two.group.takeCheckpoint();
  await two.group.propose(said('behind it'));
  const { lines } = two.journal;
  await two.close();
  const three = await start();
  await three.group.read('journal', null);
  assert.deepEqual(three.journal.lines, lines);
  assert.deepEqual(
    lives.map(({ snapshots }) => snapshots),
    [0, 0, 0],
  );
  assert.deepEqual(
    lives.map(({ shadows }) => shadows[0]?.snapshots),
    [1, 1, undefined],
  );
});
