// Processes that come to a node's door as one of its peers, but are not: with another secret, or from another cluster.
// They are refused and change nothing.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '../free-port.js';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, NodeProcess, pause } from './node-process.js';
import { readLog, verify } from './verify.js';

const keep = keeper(after);
const SECRET = { PAXMESH_CLUSTER_SECRET: 'one for all', PAXMESH_LEASE_MS: '2000' };

interface Status {
  readonly gid: string | null;
  readonly lastChosen: number;
  readonly members: readonly { readonly id: string; readonly live: boolean }[];
}

async function statusOf(node: NodeProcess): Promise<Status> {
  return (await (await fetch(`${node.url}/v1/groups/main`)).json()) as Status;
}

/** Three nodes under load, the last of them gone, and somebody else in its place: its port, its id, its members. */
async function world() {
  const cluster = keep(await Cluster.start({ env: SECRET }));
  const followers = cluster.nodes.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const load = keep(new Load({ urls: cluster.urls.slice(0, 2), timeoutMs: 2000 }));
  await load.progress(50);
  const gone = cluster.node('c');
  await gone.kill();
  const impostor = (changes: Readonly<Record<string, string>>): NodeProcess => {
    const store = { PAXMESH_STORE: `embedded:${join(cluster.directory, 'stranger')}` };
    const node = new NodeProcess('c', Number(new URL(gone.url).port), cluster.directory, {
      ...gone.settings,
      ...store,
      ...changes,
    });
    keep({ close: () => node.kill() });
    return node;
  };
  return { cluster, followers, load, gone, impostor };
}

async function isAlive(node: NodeProcess): Promise<boolean> {
  try {
    return (await fetch(`${node.url}/livez`)).ok;
  } catch {
    return false;
  }
}

/** The others are met again and again; not once is it taken for a peer. */
async function staysOutside(cluster: Cluster): Promise<void> {
  for (let round = 0; round < 20; round++) {
    for (const node of cluster.nodes.slice(0, 2)) {
      const { members } = await statusOf(node);
      assert.equal(members.find(({ id }) => id === 'c')?.live, false, `${node.id} lets the stranger in`);
    }
    await pause(100);
  }
}

test('a node with the wrong secret is refused, learns nothing and changes nothing', async () => {
  const { cluster, followers, load, gone, impostor } = await world();
  const stranger = impostor({ PAXMESH_CLUSTER_SECRET: 'another one' });
  stranger.start();
  await eventually('it listens', () => isAlive(stranger));
  await staysOutside(cluster);
  assert.ok(!(await stranger.isReady()));
  const told = await post(stranger.url, '"from outside"', null, 1000);
  assert.deepEqual({ ...told }, { type: 'none', code: '503 no-quorum', by: stranger.url });
  const { gid, lastChosen } = await statusOf(stranger);
  assert.deepEqual({ gid, lastChosen }, { gid: null, lastChosen: -1 }, 'it was told nothing');
  await load.progress(50);
  await stranger.kill();
  gone.start();
  await gone.untilReady();
  await load.stop();
  const { log } = await verify(cluster, [load], followers);
  assert.ok(!JSON.stringify(log).includes('from outside'));
});

test('a node of another cluster, with the same secret and id, is refused; both logs stay as they are', async () => {
  const { cluster, followers, load, gone, impostor } = await world();
  // Founded out of sight, so that it has a gid of its own when it is met.
  const members = { PAXMESH_MEMBERS: `c=${gone.url}` };
  const port = await freePort();
  const founder = new NodeProcess('c', port, cluster.directory, {
    ...impostor(members).settings,
    PAXMESH_LISTEN: `127.0.0.1:${port}`,
  });
  keep({ close: () => founder.kill() });
  founder.start();
  // Asked, not read from its log: that file it shares with the node whose name it bears.
  await eventually('it is founded', async () => (await isAlive(founder)) && (await statusOf(founder)).gid !== null);
  await founder.stop();
  const stranger = impostor(members);
  stranger.start();
  await stranger.untilReady();
  const told = await post(stranger.url, '"of another world"', null);
  assert.equal(told.type, 'acknowledged');
  const foreign = await statusOf(stranger);
  const own = await statusOf(cluster.node('a'));
  assert.notEqual(foreign.gid, own.gid);
  await staysOutside(cluster);
  await load.progress(50);
  const after = await readLog(stranger, (await statusOf(stranger)).lastChosen);
  const users = after.flatMap(({ values }) => values).filter(({ machine }) => machine === 'log');
  assert.deepEqual(
    users.map(({ value }) => value),
    ['of another world'],
  );
  await stranger.kill();
  gone.start();
  await gone.untilReady();
  await load.stop();
  const { log } = await verify(cluster, [load], followers);
  assert.ok(!JSON.stringify(log).includes('of another world'));
  assert.equal((await statusOf(gone)).gid, own.gid);
});
