// Reads on nodes that run: no linearizable read misses what was acknowledged before it, from whichever node, whoever holds
// the lease and whatever the network does. The rules of counting by themselves are in reader.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/core/ids.js';
import { Random } from '../../src/core/random.js';
import type { ReadOptions } from '../../src/engine/face.js';
import type { ReadAnswer } from '../../src/engine/views.js';
import { Cluster } from '../faults/cluster.js';
import { count, counter } from '../faults/machines.js';

const local = { route: 'local' } as const;
const start = (nodes: readonly NodeId[] = ['a', 'b', 'c']) => Cluster.start({ nodes, machines: () => [counter()] });
const read = (cluster: Cluster, node: NodeId, options: ReadOptions = {}) =>
  cluster.group(node).read('tally', null, options);
const holds = ({ answer }: ReadAnswer, text: string) => (answer as string[]).includes(text);

async function codes(cluster: Cluster, calls: readonly Promise<unknown>[]): Promise<string[]> {
  const answers = await cluster.answers(calls);
  return answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'answered'));
}

// Fails when the holder of the lease answers for itself, or with a quorum of one less: tried.
test('the holder of the lease is cut off, and another node commits: the holder answers nothing old as if it were new', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [other = '', third = ''] = others;
  cluster.swallow(master);
  await cluster.results([cluster.group(other).propose(count('without the master'), local)]);
  assert.equal(cluster.group(master).masterView().self, true, 'it still holds the lease');
  const elsewhere = await cluster.results([read(cluster, other), read(cluster, third, { read: 'lease' })]);
  assert.ok(elsewhere.every((each) => each.read === 'linearizable' && holds(each, 'without the master')));
  const [leased] = await cluster.results([read(cluster, master, { read: 'lease' })]);
  assert.equal(leased?.read, 'lease', 'which says what it is');
  assert.deepEqual(await codes(cluster, [read(cluster, master)]), ['no-quorum']);
  const early = read(cluster, master);
  cluster.mend(master);
  const [late] = await cluster.results([early]);
  assert.ok(late !== undefined && holds(late, 'without the master'));
});

// Fails when the answer does not wait for what a quorum has said: tried.
test('a node that hears the voters and nothing of their values does not answer before it has learned them', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [other = ''] = others;
  cluster.loses = ({ to, message }) => to === master && message.type !== 'read-at';
  await cluster.results([cluster.group(other).propose(count('unheard of'), local)]);
  assert.deepEqual(await codes(cluster, [read(cluster, master, { timeoutMs: 800 })]), ['catching-up']);
  const waits = read(cluster, master);
  await cluster.run(100);
  cluster.loses = () => false;
  const [answer] = await cluster.results([waits]);
  assert.ok(answer !== undefined && holds(answer, 'unheard of'));
});

// Fails when whoever lags does not compare positions with who said most: tried.
test('what got lost on its way here is asked for as soon as somebody waits for it', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [, third = ''] = others;
  await cluster.run(1500);
  cluster.loses = ({ to, message }) => to === third && ['accept', 'chosen', 'position'].includes(message.type);
  await cluster.results([cluster.group(master).propose(count('lost'))]);
  await cluster.run(3000);
  assert.equal(cluster.group(third).applied, cluster.group(master).applied - 1);
  const [answer] = await cluster.results([read(cluster, third)]);
  assert.ok(answer !== undefined && holds(answer, 'lost'));
});

test('a thousand reads of one moment cost one question to each voter', async () => {
  const cluster = await start();
  const [other = ''] = cluster.others;
  const asks = () => cluster.said.filter(({ from, message }) => from === other && message.type === 'read-ask').length;
  await cluster.results(Array.from({ length: 1000 }, () => read(cluster, other)));
  assert.equal(asks(), 2);
  // Those that come while a round is under way share the next one.
  const calls = Array.from({ length: 500 }, () => read(cluster, other));
  await cluster.run(0.4);
  calls.push(...Array.from({ length: 500 }, () => read(cluster, other)));
  await cluster.results(calls);
  assert.equal(asks(), 6);
});

test('a group of one asks nobody, and does not miss the value that is being written', async () => {
  const cluster = await start(['a']);
  await cluster.results([cluster.group('a').propose(count('x'))]);
  const [answer] = await cluster.results([read(cluster, 'a')]);
  assert.deepEqual(answer?.answer, ['x']);
  assert.deepEqual(cluster.said, []);
});

test('an observer asks the voters, and is never asked', async () => {
  const cluster = await start();
  await cluster.join('d');
  assert.deepEqual(await codes(cluster, [read(cluster, 'd')]), ['not-a-member']);
  const { master } = cluster;
  const node = { id: 'd', url: 'http://d', role: 'observer' } as const;
  await cluster.results([cluster.group(master).addMember(node)]);
  await cluster.until('d has learned it', () => cluster.group('d').applied === cluster.group(master).applied);
  cluster.loses = ({ to, message }) => to === 'd' && message.type === 'teach';
  await cluster.results([cluster.group(master).propose(count('x'))]);
  const behind = read(cluster, 'd');
  await cluster.run(50);
  cluster.loses = () => false;
  const [answer] = await cluster.results([behind]);
  assert.deepEqual([answer?.answer, answer?.read], [['x'], 'linearizable']);
  assert.ok(!cluster.said.some(({ to, message }) => to === 'd' && message.type === 'read-ask'));
});

// Fails when whoever has no countable vote answers all the same: tried.
test('a wiped voter does not count until it is re-admitted, and reads what the others say', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [wiped = '', third = ''] = others;
  await cluster.results([cluster.group(master).propose(count('x'))]);
  await cluster.wipe(wiped);
  await cluster.until('it has learned everything', () => {
    return cluster.group(wiped).applied === cluster.group(master).applied;
  });
  const [answer] = await cluster.results([read(cluster, wiped), read(cluster, master)]);
  assert.deepEqual(answer?.answer, ['x']);
  assert.ok(!cluster.said.some(({ from, message }) => from === wiped && message.type === 'read-at'));
  cluster.swallow(third);
  assert.deepEqual(await codes(cluster, [read(cluster, master), read(cluster, wiped)]), ['no-quorum', 'no-quorum']);
  cluster.mend(third);
  await cluster.results([cluster.group(master).readmitMember(wiped)]);
  cluster.swallow(third);
  await cluster.results([read(cluster, master), read(cluster, wiped)]);
});

test('a node whose store fails reads nothing fresh until it is back, and what it has all the time', async () => {
  const cluster = await start();
  const [other = ''] = cluster.others;
  cluster.failNextCommit(other, 'before');
  await cluster.results([cluster.group(cluster.master).propose(count('x'))]);
  await cluster.until('its store has failed', () => !cluster.group(other).status().store.available);
  const modes = [{ read: 'linearizable' }, { read: 'lease' }, { read: 'local' }] as const;
  const calls = modes.map((mode) => read(cluster, other, mode));
  assert.deepEqual(await codes(cluster, calls), ['store-unavailable', 'store-unavailable', 'answered']);
  await cluster.until('it is back', () => cluster.group(other).status().store.available);
  const [answer] = await cluster.results([read(cluster, other)]);
  assert.deepEqual(answer?.answer, ['x']);
});

test('reads go on while a node drains, and end when it closes', async () => {
  const cluster = await start();
  const [other = ''] = cluster.others;
  const drained = cluster.node(other).drain(200);
  await cluster.results<unknown>([read(cluster, other), drained]);
  cluster.swallow(other);
  const waits = [read(cluster, other), read(cluster, other, { read: 'local', minInstance: 1000 })];
  await cluster.run(10);
  cluster.node(other).close();
  assert.deepEqual(await codes(cluster, [...waits, read(cluster, other)]), ['draining', 'draining', 'draining']);
});

test('read your own writes anywhere: minInstance waits for them', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [, third = ''] = others;
  cluster.swallow(third);
  const [written] = await cluster.results([cluster.group(master).propose(count('x'))]);
  const minInstance = written?.instanceId ?? -1;
  const late = { read: 'local', minInstance, timeoutMs: 100 } as const;
  assert.deepEqual(await codes(cluster, [read(cluster, third, late)]), ['catching-up']);
  const waits = read(cluster, third, { ...late, timeoutMs: 5000 });
  cluster.mend(third);
  const [answer] = await cluster.results([waits]);
  assert.deepEqual([answer?.answer, answer?.read, answer?.instanceId], [['x'], 'local', minInstance]);
});

test('changed: resolves when something is applied, when it is given up, and when time is over', async () => {
  const cluster = await start();
  const { master, others } = cluster;
  const [other = ''] = others;
  const ends: string[] = [];
  const abort = new AbortController();
  const wait = async (name: string, ms: number, signal?: AbortSignal) => {
    await cluster.group(other).changed(ms, signal);
    ends.push(name);
  };
  const waits = [wait('applied', 5000), wait('given up', 5000, abort.signal), wait('over', 5)];
  await cluster.run(6);
  assert.deepEqual(ends, ['over']);
  abort.abort();
  await cluster.run(1);
  assert.deepEqual(ends, ['over', 'given up']);
  await cluster.results<unknown>([
    cluster.group(master).propose(count('x')),
    ...waits,
    wait('too late', 5000, abort.signal),
  ]);
  assert.deepEqual(ends.slice(2).sort(), ['applied', 'too late']);
});

/**
 * Nodes write and read at random while the network loses, the master and others are cut off, and d comes and goes as a
 * voter. A linearizable read holds all that was acknowledged before it was asked; a lesser one, a beginning of the log.
 */
async function storm(seed: number): Promise<{ readonly checked: number; readonly written: number }> {
  const random = new Random(seed);
  const nodes = ['a', 'b', 'c', 'd'];
  const cluster = await start(['a', 'b', 'c']);
  await cluster.join('d');
  const pick = () => nodes[random.below(nodes.length)] ?? 'a';
  const chance = (percent: number) => random.below(100) < percent;
  const acknowledged: string[] = [];
  const calls: Promise<unknown>[] = [];
  let checked = 0;
  const tells = async (text: string, node: NodeId, isLocal: boolean) => {
    await cluster.group(node).propose(count(text), isLocal ? local : {});
    acknowledged.push(text);
  };
  const checks = async (node: NodeId) => {
    const before = [...acknowledged];
    const answer = await read(cluster, node, { timeoutMs: 1 + random.below(1500) });
    const missed = before.filter((text) => !holds(answer, text));
    assert.deepEqual(missed, [], `seed ${seed}: ${node} at ${answer.instanceId}`);
    checked++;
  };
  const moves = async (node: NodeId) => {
    const face = cluster.group(node);
    const isIn = face.membersView().members.some(({ id }) => id === 'd');
    await (isIn ? face.removeMember('d') : face.addMember({ id: 'd', url: 'http://d' }));
  };
  let lossPercent = 0;
  cluster.loses = () => chance(lossPercent);
  for (let step = 0; step < 150; step++) {
    if (chance(4)) cluster.swallow(chance(40) ? (cluster.group('a').masterView().node ?? 'b') : pick());
    if (chance(8)) for (const node of nodes) cluster.mend(node);
    if (chance(10)) lossPercent = chance(50) ? 0 : random.below(40);
    if (chance(5)) calls.push(moves(pick()));
    const [writer, reader] = [pick(), pick()];
    calls.push(tells(`w${step}`, writer, chance(50)), checks(reader), checks(pick()));
    await cluster.run(random.below(40));
  }
  lossPercent = 0;
  for (const node of nodes) cluster.mend(node);
  const answers = await cluster.answers(calls);
  for (const answer of answers) {
    if (answer.status === 'rejected' && answer.reason.code === 'ERR_ASSERTION') throw answer.reason;
  }
  return { checked, written: acknowledged.length };
}

// Fails with a quorum of one less, without the wait for what is applied, and when votes are not told: tried.
test('whatever the network does, a linearizable read misses nothing that was acknowledged before', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const { checked, written } = await storm(seed);
    assert.ok(checked >= 30 && written >= 20, `seed ${seed}: ${checked} reads, ${written} writes`);
  }
});
