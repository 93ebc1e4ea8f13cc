import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace } from '../../src/engine/face.js';
import { Cluster, type ClusterOptions } from '../faults/cluster.js';

const KEEP = 300;

async function put(cluster: Cluster, node: string, key: string, value: string, idempotencyKey?: string) {
  const bytes = Buffer.from(
    `{"op":"put","key":"${key}","contentType":"text/plain","encoding":"utf8","value":"${value}"}`,
  );
  const answer = cluster.group(node).propose({ machine: 'kv', encoding: 'json', bytes, idempotencyKey });
  return cluster.result(answer);
}

async function many(cluster: Cluster, node: string, count: number, name = 'k'): Promise<void> {
  for (let i = 0; i < count; i++) await put(cluster, node, `${name}${i % 50}`, String(i));
}

async function value(cluster: Cluster, node: string, key: string): Promise<unknown> {
  const { answer } = await cluster.result(cluster.group(node).read('kv', { op: 'get', key }, { read: 'local' }));
  return answer;
}

async function start(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  await cluster.result(cluster.group(cluster.master).setRetention({ keepInstances: KEEP }));
  return cluster;
}

/** Two nodes that are not the master. */
function twoOthers(cluster: Cluster): [string, string] {
  const [one = '', two = ''] = cluster.others;
  return [one, two];
}

function trimmed(group: GroupFace): boolean {
  return group.firstKept > 0;
}

test('nodes take checkpoints by themselves, and the log keeps what was agreed and little more', async () => {
  const cluster = await start();
  await many(cluster, cluster.master, 1000);
  for (const node of ['a', 'b', 'c']) {
    const group = cluster.group(node);
    await cluster.until(`${node} has trimmed`, () => group.applied - group.firstKept < KEEP * 1.4);
    assert.ok(group.applied - group.firstKept >= KEEP - 1, 'at least what was agreed is kept');
    const [checkpoint] = group.checkpoints();
    assert.ok(checkpoint !== undefined && checkpoint.instanceId >= group.firstKept - 1);
    await assert.rejects(group.instance(0), (error: PaxmeshError) => {
      return (
        error.code === 'instance-trimmed' &&
        error.facts.firstKept === group.firstKept &&
        error.facts.checkpoint !== null
      );
    });
  }
});

test('a node that was away while the log was trimmed installs a checkpoint in place, and goes on from there', async () => {
  const cluster = await start();
  const { master } = cluster;
  const [away, other] = twoOthers(cluster);
  await put(cluster, master, 'early', 'kept');
  cluster.kill(away);
  await many(cluster, master, 1200);
  await cluster.until('the others have trimmed', () => trimmed(cluster.group(master)) && trimmed(cluster.group(other)));
  await cluster.startNode(away);
  const group = cluster.group(away);
  await cluster.until('it is level', () => group.applied >= cluster.group(master).applied);
  assert.ok(group.firstKept > 0, 'what it never had it does not claim to keep');
  assert.deepEqual(await value(cluster, away, 'early'), await value(cluster, master, 'early'));
  // It votes again: with the third node gone, it is needed.
  cluster.kill(other);
  await put(cluster, master, 'late', 'needs both');
  // And what it installed is on its own disk: it comes back by itself.
  cluster.kill(away);
  await cluster.startNode(away);
  await cluster.until('it is level again', () => cluster.group(away).applied >= cluster.group(master).applied);
  assert.deepEqual(await value(cluster, away, 'late'), await value(cluster, master, 'late'));
});

test('the promise survives the installation of a checkpoint', async () => {
  // Fault 2 of the original, its second half: installing a checkpoint forgot all promises. Mutation: a `begin` or an
  // `install` that resets the register, and this fails.
  const cluster = await start();
  const [away] = twoOthers(cluster);
  const before = cluster.disk(away)?.promised;
  cluster.kill(away);
  await many(cluster, cluster.master, 1200);
  await cluster.until('trimmed', () => trimmed(cluster.group(cluster.master)));
  await cluster.startNode(away);
  await cluster.until('installed', () => cluster.group(away).firstKept > 0);
  const after = cluster.disk(away)?.promised;
  assert.ok(before !== undefined && after !== undefined && after.round >= before.round);
});

test('a restarted node starts from its checkpoint and the log behind it, and not from the beginning', async () => {
  const cluster = await start();
  const [node] = twoOthers(cluster);
  await many(cluster, cluster.master, 700);
  await cluster.until('trimmed', () => trimmed(cluster.group(node)));
  const [checkpoint] = cluster.group(node).checkpoints();
  cluster.kill(node);
  await cluster.startNode(node);
  assert.ok(checkpoint !== undefined && cluster.group(node).applied >= checkpoint.instanceId);
  await cluster.until('level', () => cluster.group(node).applied >= cluster.group(cluster.master).applied);
  assert.deepEqual(await value(cluster, node, 'k3'), await value(cluster, cluster.master, 'k3'));
});

test('an idempotency key is known across a checkpoint that was installed', async () => {
  const cluster = await start();
  const [away, other] = twoOthers(cluster);
  const first = await put(cluster, cluster.master, 'once', 'v', 'key-1');
  cluster.kill(away);
  await many(cluster, cluster.master, 1200);
  await cluster.until('trimmed', () => trimmed(cluster.group(cluster.master)) && trimmed(cluster.group(other)));
  await cluster.startNode(away);
  await cluster.until('level', () => cluster.group(away).applied >= cluster.group(cluster.master).applied);
  const again = await put(cluster, away, 'once', 'v', 'key-1');
  assert.equal(again.replayed, true);
  assert.equal(again.instanceId, first.instanceId);
  const known = await cluster.result(cluster.group(away).proposal('key-1', 0));
  assert.equal(known.instanceId, first.instanceId);
});

test('paused trimming takes checkpoints and lets the log grow', async () => {
  const cluster = await start();
  await cluster.result(cluster.group(cluster.master).setRetention({ trimming: 'paused' }));
  await many(cluster, cluster.master, 800);
  const group = cluster.group(cluster.master);
  assert.ok(group.checkpoints().length > 0);
  assert.equal(group.firstKept, 0);
  await cluster.result(group.setRetention({ trimming: 'running' }));
  await cluster.until('trimmed', () => trimmed(group));
});

test('a damaged checkpoint is found at the start, and everything is applied from a log that still has it', async () => {
  const cluster = await Cluster.start();
  const [node] = twoOthers(cluster);
  await many(cluster, cluster.master, 20);
  await cluster.result(cluster.group(node).takeCheckpoint());
  await many(cluster, cluster.master, 5);
  cluster.flipBlocks(node);
  cluster.kill(node);
  await cluster.startNode(node);
  await cluster.until('level', () => cluster.group(node).applied >= cluster.group(cluster.master).applied);
  assert.deepEqual(await value(cluster, node, 'k3'), await value(cluster, cluster.master, 'k3'));
});

test("a damaged checkpoint with the log trimmed: the node fetches a peer's, and votes only beyond its last vote", async () => {
  const cluster = await start();
  const [node] = twoOthers(cluster);
  await many(cluster, cluster.master, 700);
  await cluster.until('trimmed', () => trimmed(cluster.group(node)));
  cluster.flipBlocks(node);
  cluster.kill(node);
  await cluster.startNode(node);
  await cluster.until('level', () => cluster.group(node).applied >= cluster.group(cluster.master).applied);
  assert.deepEqual(await value(cluster, node, 'k3'), await value(cluster, cluster.master, 'k3'));
});

test('a transfer that loses every third block comes to its end', async () => {
  const cluster = await start();
  const [away] = twoOthers(cluster);
  const { master } = cluster;
  cluster.kill(away);
  for (let i = 0; i < 40; i++) await put(cluster, master, `big${i}`, 'x'.repeat(40_000));
  await many(cluster, master, 1000);
  await cluster.until('trimmed', () => cluster.ids.every((id) => id === away || trimmed(cluster.group(id))));
  let blocks = 0;
  cluster.loses = ({ message }) => message.type === 'block' && blocks++ % 3 === 0;
  await cluster.startNode(away);
  await cluster.until('level', () => cluster.group(away).applied >= cluster.group(master).applied);
  assert.ok(blocks > 4, `${blocks} blocks`);
  assert.deepEqual(await value(cluster, away, 'big7'), await value(cluster, master, 'big7'));
});

test('a follower whose place was trimmed is told so, with where to go instead', async () => {
  const cluster = await start();
  const group = cluster.group(cluster.master);
  await many(cluster, cluster.master, 700);
  await cluster.until('trimmed', () => trimmed(group));
  const [event] = await cluster.result(group.follow({ from: 0 }).next(0));
  assert.equal(event?.type, 'gap');
  assert.deepEqual(event?.type === 'gap' && event.checkpoint, '/v1/groups/g/checkpoints');
});

test('a group with a machine that has no snapshot keeps its whole log, and says why it takes no checkpoint', async () => {
  const plain = () => [{ name: 'plain', apply: () => ({ result: null }) }];
  const cluster = await start({ machines: plain });
  await many(cluster, cluster.master, 500);
  const group = cluster.group(cluster.master);
  assert.equal(group.firstKept, 0);
  await assert.rejects(cluster.result(group.takeCheckpoint()), /plain has no snapshot/);
});
