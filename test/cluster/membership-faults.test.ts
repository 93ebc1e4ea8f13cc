// Changes of members when something is amiss: the master goes, a member was away when it was removed, two people order at
// once, a change would cost the quorum.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, type NodeProcess } from './node-process.js';
import { done, membersAt, order, refused, rolesAt, unreadyCodes, untilLost, untilRoles } from './orders.js';
import { verify } from './verify.js';

const keep = keeper(after);
const ENV = { PAXMESH_LEASE_MS: '10000', PAXMESH_CLUSTER_SECRET: 'known to the peers' };

let cluster: Cluster;
const loads: Load[] = [];

before(async () => {
  cluster = keep(await Cluster.start({ env: ENV }));
});

function traffic(...nodes: readonly NodeProcess[]): Load {
  const load = keep(new Load({ urls: nodes.map(({ url }) => url), retries: true }));
  loads.push(load);
  return load;
}

async function isNotAMember(node: NodeProcess): Promise<boolean> {
  return (await unreadyCodes(node).catch((): string[] => [])).includes('not-a-member');
}

const ALL = 'a voter, b voter, c voter';

test('the master is removed under load, by its own hand: the others go on with another, and take it back', async () => {
  const master = await cluster.master();
  // So long that nobody sees the end of it: it is passed on, or there is no master.
  await done(200, master, 'PUT', '/master/lease', { leaseMs: 600_000 });
  const others = cluster.others(master);
  const followers = others.map(({ url }) => keep(new SocketFollower({ url, everything: true })));
  const load = traffic(...others);
  await load.progress(50);
  await done(200, master, 'DELETE', `/members/${master.id}`);
  await eventually('it knows', () => isNotAMember(master));
  assert.equal((await post(master.url, '1', null)).type, 'none');
  await load.progress(50);
  await eventually('another one is master', async () => {
    const views = await Promise.all(others.map((each) => order(each, 'GET', '/master')));
    return views.some(({ json }) => json['self'] === true);
  });
  assert.notEqual((await order(master, 'GET', '/master')).json['self'], true);
  const [first] = others;
  assert.ok(first !== undefined);
  await done(200, first, 'PUT', '/master/lease', { leaseMs: 10_000 });
  await untilRoles(others.map(({ id }) => `${id} voter`).join(', '), first);
  await done(201, first, 'POST', '/members', { id: master.id, url: master.url });
  await untilRoles(ALL, ...cluster.nodes);
  await load.progress(50);
  await load.stop();
  await verify(cluster, loads, followers);
});

test('who was away when it was removed is told when it is back', async () => {
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
  await c.kill();
  await untilLost(a, ['c']);
  await refused('would-lose-quorum', a, 'DELETE', '/members/b');
  await refused('would-lose-quorum', a, 'PATCH', '/members/b', { role: 'learner' });
  await done(200, a, 'DELETE', '/members/c');
  const load = traffic(a, b);
  await load.progress(50);
  c.start();
  await eventually('it knows', () => isNotAMember(c));
  await load.progress(20);
  await load.stop();
  await untilRoles('a voter, b voter', b);
  await done(201, b, 'POST', '/members', { id: 'c', url: c.url });
  await untilRoles(ALL, a, b, c);
  await verify(cluster, loads);
});

test('of orders given at once on different nodes each is carried out, or refused for what it would do', async () => {
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
  const names = ['u', 'v', 'w', 'x', 'y', 'z'];
  const answers = await Promise.all(
    names.map((id, n) => {
      const at = cluster.nodes[n % 3] ?? a;
      return order(at, 'POST', '/members?timeoutMs=60000', { id, url: `http://127.0.0.1:${n + 1}`, role: 'observer' });
    }),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    names.map(() => 201),
  );
  const twice = await Promise.all(
    [a, b, c].map((at) => order(at, 'POST', '/members', { id: 't', url: 'http://127.0.0.1:9', role: 'observer' })),
  );
  assert.deepEqual(twice.map(({ code }) => code).sort(), [null, 'member-exists', 'member-exists'].sort());
  const { etag } = await done(200, a, 'GET', '/members');
  assert.ok(etag !== null);
  const matched = await Promise.all(
    names.map((id) => order(a, 'DELETE', `/members/${id}`, undefined, { 'if-match': etag })),
  );
  assert.deepEqual(matched.map(({ status }) => status).sort(), [200, 412, 412, 412, 412, 412]);
  const left = (await membersAt(a)).filter(({ role }) => role === 'observer').map(({ id }) => id);
  await untilRoles(await rolesAt(a), b);
  for (const id of left) await done(200, b, 'DELETE', `/members/${id}`);
  await untilRoles(ALL, a, b, c);
  await verify(cluster, loads);
});

test('a voter steps down to observe, and takes its vote again', async () => {
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
  const load = traffic(a, c);
  await done(200, a, 'POST', '/master/transfer', { to: 'b' });
  await done(200, a, 'PATCH', '/members/b', { role: 'observer' });
  await untilRoles('a voter, b observer, c voter', a, b, c);
  await load.progress(30);
  await refused('not-caught-up', a, 'POST', '/master/transfer', { to: 'b' });
  await done(200, b, 'POST', '/master/transfer', { to: 'a' });
  await done(200, c, 'PATCH', '/members/b', { role: 'voter' });
  await untilRoles(ALL, a, b, c);
  await load.progress(30);
  await load.stop();
  await verify(cluster, loads);
});

test('a node that knows nobody waits until it is added, and is found', async () => {
  const [a, b, c] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
  const d = await cluster.join('d', { ...ENV, PAXMESH_SEEDS: '' });
  await eventually('it waits', () => isNotAMember(d));
  await done(201, b, 'POST', '/members', { id: 'd', url: d.url });
  await untilRoles(`${ALL}, d voter`, a, b, c, d);
  const load = traffic(d);
  await load.progress(30);
  await load.stop();
  await verify(cluster, loads);
});
