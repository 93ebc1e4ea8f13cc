// A quorum lost for ever, on real processes and real stores: the node that is left goes on alone with everything that was
// acknowledged, whoever was left behind stays outside for good, and new members come.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Cluster } from './cluster.js';
import { paxmesh } from './command.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, type NodeProcess, pause } from './node-process.js';
import { RedisCluster } from './redis-cluster.js';
import { readLog } from './verify.js';

const keep = keeper(after);
const ENV = { PAXMESH_LEASE_MS: '2000' };

interface Status {
  readonly gid: string | null;
  readonly lastChosen: number;
  readonly members: readonly { readonly id: string; readonly role: string; readonly live: boolean }[];
}

async function statusOf(node: NodeProcess): Promise<Status> {
  return (await (await fetch(`${node.url}/v1/groups/main`)).json()) as Status;
}

function storeFlags({ id, settings }: NodeProcess): string[] {
  return ['--node', id, '--store', settings['PAXMESH_STORE'] ?? ''];
}

async function inspected(node: NodeProcess) {
  const { status, stdout, stderr } = await paxmesh(['inspect', ...storeFlags(node), '--json']);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as { epoch: number; inUse: boolean; groups: { lastChosen: number; vote: number | null }[] };
}

async function sound(node: NodeProcess): Promise<void> {
  const { status, stdout, stderr } = await paxmesh(['inspect', ...storeFlags(node), '--check']);
  assert.deepEqual([status, stdout, stderr], [0, 'group main: sound\n', '']);
}

/** Says so, changes nothing; then does it. */
async function recover(node: NodeProcess): Promise<void> {
  const before = await inspected(node);
  const asked = await paxmesh(['recover', ...storeFlags(node)]);
  assert.equal(asked.status, 1);
  assert.match(asked.stdout, new RegExp(`^group main: ${node.id} would go on alone, as another cluster\n`));
  assert.equal(asked.stderr, 'paxmesh: nothing was changed; add --yes-lose-data to do it\n');
  assert.deepEqual(await inspected(node), before, 'asking changes nothing');
  const done = await paxmesh(['recover', ...storeFlags(node), '--yes-lose-data']);
  assert.deepEqual([done.status, done.stderr], [0, '']);
  assert.match(done.stdout, new RegExp(`^group main: ${node.id} goes on alone, as another cluster\n`));
  const again = await paxmesh(['recover', ...storeFlags(node), '--yes-lose-data']);
  assert.match(again.stdout, /^there is nothing to recover/);
  await sound(node);
}

async function keepsAll(node: NodeProcess, load: Load): Promise<void> {
  const log = await readLog(node, (await statusOf(node)).lastChosen);
  for (const { value, told } of load.acknowledged) {
    if (told.type !== 'acknowledged') continue;
    const found = log[told.instanceId]?.values[told.index]?.value;
    assert.equal(JSON.stringify(found), value, `${value}, acknowledged, stands where it was`);
  }
}

test('two of three nodes are lost for ever: the third goes on, and those that come back late stay outside', async () => {
  const cluster = keep(await Cluster.start({ env: ENV }));
  const [a, b, c] = ['a', 'b', 'c'].map((id) => cluster.node(id)) as [NodeProcess, NodeProcess, NodeProcess];
  const put = await fetch(`${b.url}/v1/groups/main/kv/x`, {
    method: 'PUT',
    body: '"kept"',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(put.status, 201);
  // What only the other two acknowledged would be lost; here everybody has everything when the end comes.
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 2000 }));
  await load.progress(100);
  await load.stop();
  const { lastChosen: top, gid } = await statusOf(b);
  await eventually('a is level', async () => (await statusOf(a)).lastChosen >= top);
  const refused = await paxmesh(['recover', ...storeFlags(a), '--yes-lose-data']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^paxmesh: the embedded store in \S+ is in use by another process: stop it first\n$/);
  await cluster.killAll();
  await recover(a);
  a.start();
  await a.untilReady();
  const recovered = await statusOf(a);
  assert.notEqual(recovered.gid, gid);
  assert.deepEqual(
    recovered.members.map(({ id, role }) => [id, role]),
    [['a', 'voter']],
  );
  await keepsAll(a, load);
  const value = await fetch(`${a.url}/v1/groups/main/kv/x`);
  assert.equal(await value.text(), '"kept"');
  assert.equal((await post(a.url, '"after"', null)).type, 'acknowledged');

  // The old half comes back after all: it is a cluster of its own, and neither lets the other in.
  b.start();
  c.start();
  await Promise.all([b.untilReady(), c.untilReady()]);
  assert.equal((await post(b.url, '"of the old half"', null)).type, 'acknowledged');
  for (let round = 0; round < 20; round++) {
    assert.equal((await statusOf(b)).members.find(({ id }) => id === 'a')?.live, false, 'b lets a in');
    await pause(100);
  }
  const join = await cluster.join('d', { ...ENV, PAXMESH_SEEDS: a.url });
  const flags = ['members', 'add', 'd', join.url, '--url', a.url];
  await eventually('d is added', async () => (await paxmesh(flags)).status === 0);
  await eventually('d votes', async () => (await statusOf(a)).members.find(({ id }) => id === 'd')?.role === 'voter');
  await join.untilReady();
  const shown = await fetch(`${join.url}/v1/groups/main/kv/x`);
  assert.equal(await shown.text(), '"kept"');
  const log = JSON.stringify(await readLog(a, (await statusOf(a)).lastChosen));
  assert.ok(log.includes('"after"') && !log.includes('of the old half'));
  const old = JSON.stringify(await readLog(b, (await statusOf(b)).lastChosen));
  assert.ok(!old.includes('"after"') && old.includes('of the old half'));
});

test('the same on Redis, where a running node is neither disturbed by a look nor recovered under its feet', async () => {
  const servers = keep(await RedisCluster.start(ENV));
  const { cluster } = servers;
  const [a, b, c] = ['a', 'b', 'c'].map((id) => cluster.node(id)) as [NodeProcess, NodeProcess, NodeProcess];
  const load = keep(new Load({ urls: cluster.urls, timeoutMs: 2000 }));
  await load.progress(50);
  const { epoch, inUse } = await inspected(a);
  assert.equal(inUse, true);
  // Under full traffic nothing is taken for damage that is only in motion.
  for (let look = 0; look < 3; look++) await sound(a);
  const refused = await paxmesh(['recover', ...storeFlags(a), '--yes-lose-data']);
  assert.deepEqual(
    [refused.status, refused.stderr],
    [1, 'paxmesh: the store of a is in use by a running node: stop it first\n'],
  );
  await load.progress(50);
  await load.stop();
  assert.equal((await inspected(a)).epoch, epoch, 'nobody has opened it meanwhile');
  const { lastChosen: top } = await statusOf(b);
  await eventually('a is level', async () => (await statusOf(a)).lastChosen >= top);
  await Promise.all([a.stop(), b.kill(), c.kill()]);
  await eventually('Redis has seen it go', async () => !(await inspected(a)).inUse);
  await recover(a);
  a.start();
  await a.untilReady();
  await keepsAll(a, load);
  assert.equal((await post(a.url, '"after"', null)).type, 'acknowledged');
});
