// Backups of whole clusters, in virtual time: what one cluster was acknowledged another one has after a restore, and a stream
// that is not as it was written changes nothing. Tried: without the barrier, with a switch before the stream was read to
// its end, and without asking whether the group was used, these fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { StateMachine } from '../../src/machines/machine.js';
import { readArchive, writeArchive } from '../../src/machines/node-archive.js';
import { Cluster } from '../faults/cluster.js';

async function add(cluster: Cluster, node: string, value: number): Promise<void> {
  const bytes = Buffer.from(`{"op":"add","name":"n","add":${value}}`);
  await cluster.result(cluster.group(node).propose({ machine: 'counter', encoding: 'json', bytes }));
}

async function sum(cluster: Cluster, node: string): Promise<unknown> {
  const { answer } = await cluster.result(cluster.group(node).read('counter', { name: 'n' }, { read: 'local' }));
  return (answer as { value: number }).value;
}

async function* streamOf(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function backedUp(cluster: Cluster, node: string): Promise<Buffer> {
  return collect(await cluster.result(cluster.node(node).backup()));
}

function coded(code: string, line = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof PaxmeshError, String(error));
    assert.deepEqual([error.code, error.outcome], [code, 'none']);
    assert.match(error.message, line);
    return true;
  };
}

async function fails(cluster: Cluster, call: Promise<unknown>, check: (error: unknown) => boolean): Promise<void> {
  const [answer] = await cluster.answers([call]);
  assert.equal(answer?.status, 'rejected');
  check(answer?.status === 'rejected' ? answer.reason : null);
}

test('what one cluster was acknowledged, another has after a restore, on every node and under its own gid', async () => {
  const old = await Cluster.start();
  await add(old, 'a', 40);
  await add(old, 'b', 2);
  const bytes = await backedUp(old, 'c');
  await add(old, 'a', 1000);
  const { header } = await readArchive(streamOf(bytes));
  const [archived] = header.groups;
  assert.equal(archived?.gid, old.group('a').membersView().gid);

  const fresh = await Cluster.start({ nodes: ['x', 'y', 'z'] });
  const [restored] = await fresh.result(fresh.node('y').restore(streamOf(bytes)));
  assert.equal(restored?.gid, fresh.group('x').membersView().gid);
  await fresh.until('all have it', () =>
    ['x', 'y', 'z'].every((id) => fresh.group(id).applied >= (restored?.instanceId ?? 0)),
  );
  for (const id of ['x', 'y', 'z']) assert.equal(await sum(fresh, id), 42);
  assert.deepEqual(
    fresh
      .group('x')
      .membersView()
      .members.map(({ id }) => id),
    ['x', 'y', 'z'],
  );
  await add(fresh, 'z', 1);
  assert.equal(await sum(fresh, 'z'), 43);
  // Nothing is ever written over.
  await fails(fresh, fresh.node('x').restore(streamOf(bytes)), coded('precondition-failed', /never used/));
  assert.equal(await sum(fresh, 'z'), 43);
});

test('a node that lags hands out nothing old: it waits, and without a quorum it says so', async () => {
  const cluster = await Cluster.start();
  const [lagging = ''] = cluster.others;
  await add(cluster, cluster.master, 1);
  cluster.loses = ({ to }) => to === lagging;
  await add(cluster, cluster.master, 1);
  await fails(cluster, cluster.node(lagging).backup(), coded('no-quorum'));
  const late = cluster.node(lagging).backup();
  cluster.loses = () => false;
  const bytes = await collect(await cluster.result(late));
  const fresh = await Cluster.start();
  await fresh.result(fresh.node('a').restore(streamOf(bytes)));
  assert.equal(await sum(fresh, 'a'), 2, 'what was acknowledged before the call is inside');
});

test('a stream that was cut or changed leaves everything as it was, and the group free for a whole one', async () => {
  const old = await Cluster.start();
  await add(old, 'a', 7);
  const bytes = await backedUp(old, 'a');
  const fresh = await Cluster.start();
  const inPieces = (whole: Buffer) =>
    streamOf(
      ...Array.from({ length: 8 }, (_, at) => whole.subarray(at * 200, at === 7 ? whole.length : (at + 1) * 200)),
    );
  for (const length of [0, 10, 400, bytes.length - 5, bytes.length - 1]) {
    await fails(
      fresh,
      fresh.node('a').restore(inPieces(bytes.subarray(0, length))),
      coded('invalid-request', /cut short/),
    );
  }
  const changed = Buffer.from(bytes);
  changed[bytes.length - 30] = (changed[bytes.length - 30] ?? 0) ^ 1;
  await fails(fresh, fresh.node('a').restore(streamOf(changed)), coded('invalid-request', /nothing was changed/));
  assert.equal(await sum(fresh, 'a'), 0);
  await fresh.result(fresh.node('b').restore(inPieces(bytes)));
  assert.equal(await sum(fresh, 'b'), 7);
});

// Tried: without the look at what is said beforehand parts are proposed; without the count a backup that nobody said the length of
// is taken in whole.
test('a backup longer than a process may hold is refused, before any of it is proposed where its length is said', async () => {
  const old = await Cluster.start();
  await add(old, 'a', 7);
  const bytes = await backedUp(old, 'a');
  const fresh = await Cluster.start({ restoreBytesMax: bytes.length - 1 });
  const before = fresh.group('a').lastChosen;
  const tooLong = coded('invalid-request', /longer than .*nothing was changed/);
  const pieces = () => streamOf(bytes.subarray(0, bytes.length - 10), bytes.subarray(bytes.length - 10));
  await fails(fresh, fresh.node('a').restore(pieces(), bytes.length), tooLong);
  assert.equal(fresh.group('a').lastChosen, before);
  await fails(fresh, fresh.node('a').restore(pieces()), tooLong);
  assert.equal(await sum(fresh, 'a'), 0);
  const roomy = await Cluster.start({ restoreBytesMax: bytes.length });
  await roomy.result(roomy.node('a').restore(streamOf(bytes), bytes.length));
  assert.equal(await sum(roomy, 'a'), 7);
});

test('groups and machines that are not here are refused before anything is proposed', async () => {
  const fresh = await Cluster.start();
  const header = { format: 1, paxmesh: '0', node: 'a', takenAt: '' };
  const group = { group: 'g', gid: 'x', instanceId: 1, chain: '00000000', machines: ['kv'] };
  const restore = (...groups: (typeof group)[]) => {
    const streams = groups.map(() => streamOf(Buffer.from('never read')));
    return fresh.node('a').restore(writeArchive({ ...header, groups }, streams));
  };
  const before = fresh.group('a').lastChosen;
  await fails(fresh, restore(group, { ...group, group: 'other' }), coded('group-not-found', /a group other/));
  await fails(
    fresh,
    restore({ ...group, machines: ['kv', 'inventory'] }),
    coded('unknown-machine', /a machine inventory/),
  );
  assert.equal(fresh.group('a').lastChosen, before);
});

test('a machine that cannot be written down keeps its node from a backup that would lack it', async () => {
  const mute: StateMachine = { name: 'mute', apply: () => ({ result: null }) };
  const cluster = await Cluster.start({ machines: () => [mute] });
  await fails(cluster, cluster.node('a').backup(), coded('command-rejected', /mute/));
});

test('a backup holds no address, no store and no secret of its cluster beyond its members', async () => {
  const cluster = await Cluster.start();
  const { header } = await readArchive(streamOf(await backedUp(cluster, 'a')));
  assert.deepEqual(Object.keys(header), ['format', 'paxmesh', 'node', 'takenAt', 'groups']);
  assert.deepEqual(header.groups[0]?.machines, ['log', 'kv', 'lock', 'counter']);
});
