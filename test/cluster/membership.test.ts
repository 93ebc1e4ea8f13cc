// Members come and go on real processes: joining an idle cluster, replacing under load, wiping and re-admitting, moving,
// observing, shrinking; and what is refused. After each, everything anybody was told stands in the logs.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../free-port.js';
import { Cluster } from './cluster.js';
import { SocketFollower } from './followers.js';
import { keeper } from './keeper.js';
import { Load, post } from './load.js';
import { eventually, type NodeProcess } from './node-process.js';
import { done, membersAt, order, refused, rolesAt, unreadyCodes, untilRoles } from './orders.js';
import { verify } from './verify.js';

const keep = keeper(after);
// Long enough that no node which stands still for a moment loses it: here it goes where it is sent.
const ENV = { PAXMESH_LEASE_MS: '10000' };

let cluster: Cluster;
/** Everything that was ever sent to the cluster. */
const loads: Load[] = [];

before(async () => {
  cluster = keep(await Cluster.start({ nodes: 1, env: ENV }));
});

const node = (id: string): NodeProcess => cluster.node(id);
const three = (...ids: readonly string[]) => ids.map(node);

function traffic(...nodes: readonly NodeProcess[]): Load {
  const load = keep(new Load({ urls: nodes.map(({ url }) => url), retries: true }));
  loads.push(load);
  return load;
}

/** The logs of these, which must be ready, agree with each other and with every answer so far. */
async function agree(...nodes: NodeProcess[]): Promise<void> {
  await verify(
    { nodes, untilReady: async () => void (await Promise.all(nodes.map((each) => each.untilReady()))) },
    loads,
  );
}

async function commits(at: NodeProcess): Promise<boolean> {
  return (await post(at.url, '"probe"', null, 1500)).type === 'acknowledged';
}

test('an idle cluster of one grows to three: newcomers are taught, learn, and vote by themselves', async () => {
  const a = node('a');
  assert.equal((await post(a.url, '"first"', null)).type, 'acknowledged');
  const b = await cluster.join('b', ENV);
  const c = await cluster.join('c', ENV);
  for (const newcomer of [b, c]) {
    await eventually(`${newcomer.id} is taught before it is a member`, async () => {
      const answer = await fetch(`${newcomer.url}/v1/groups/main/instances/1`).catch(() => null);
      await answer?.arrayBuffer();
      return answer?.ok === true;
    });
    assert.ok((await unreadyCodes(newcomer)).includes('not-a-member'));
    assert.equal((await post(newcomer.url, '1', null)).type, 'none');
  }
  const { json, etag } = await done(201, a, 'POST', '/members', { id: 'b', url: b.url });
  assert.equal(etag, `"${json['version']}"`);
  assert.deepEqual(
    (json['members'] as { id: string; role: string }[]).map(({ id, role }) => `${id} ${role}`),
    ['a voter', 'b learner'],
  );
  await untilRoles('a voter, b voter', a, b);
  await done(201, b, 'POST', '/members', { id: 'c', url: c.url });
  await untilRoles('a voter, b voter, c voter', a, b, c);
  await cluster.untilReady();
});

test('what was committed survives the end of the node it all began with', async () => {
  const [a, b, c] = three('a', 'b', 'c') as [NodeProcess, NodeProcess, NodeProcess];
  const load = traffic(a, b, c);
  await load.progress(100);
  await a.kill();
  await load.progress(100, b.url);
  await load.progress(100, c.url);
  a.start();
  await a.untilReady();
  await load.stop();
  const back = traffic(a);
  await back.progress(50);
  await back.stop();
  await agree(a, b, c);
});

test('c is replaced by d under load: d votes, c is no member and says so, and nothing is lost', async () => {
  const [a, b, c] = three('a', 'b', 'c') as [NodeProcess, NodeProcess, NodeProcess];
  const load = traffic(a, b);
  await load.progress(50);
  const d = await cluster.join('d', ENV);
  await eventually('d answers', async () => (await fetch(`${d.url}/livez`).catch(() => null))?.ok === true);
  await done(200, b, 'POST', '/members/c/replace', { id: 'd', url: d.url });
  await untilRoles('a voter, b voter, d voter', a, b, d);
  await eventually('c knows', async () => (await unreadyCodes(c)).includes('not-a-member'));
  const told = await post(c.url, '"to the removed one"', null);
  assert.deepEqual({ ...told }, { type: 'none', code: '409 not-a-member', by: c.url });
  assert.equal((await fetch(`${c.url}/v1/groups/main/instances/0`)).status, 200, 'it keeps its data');
  await load.progress(100);
  await c.kill();
  await b.freeze();
  assert.ok(await eventually('the newcomer votes', () => commits(a)).then(() => true));
  b.thaw();
  await load.progress(50);
  await load.stop();
  await agree(a, b, d);
});

test('a wiped disk takes the vote until the node is re-admitted', async () => {
  const [a, b, d] = three('a', 'b', 'd') as [NodeProcess, NodeProcess, NodeProcess];
  await b.kill();
  await rm(join(cluster.directory, 'b'), { recursive: true });
  b.start();
  await eventually('b knows', async () =>
    (await unreadyCodes(b).catch((): string[] => [])).includes('needs-readmission'),
  );
  await eventually('a knows', async () => (await membersAt(a)).some((one) => one.id === 'b' && one.needsReadmission));
  await d.freeze();
  assert.equal(await commits(a), false, 'its vote counts for nothing');
  d.thaw();
  await eventually('it goes on', () => commits(a));
  const top = (await order(a, 'GET', '')).json['lastChosen'] as number;
  await eventually('b is taught all the same', async () => {
    return ((await order(b, 'GET', '')).json['lastChosen'] as number) >= top;
  });
  await done(200, d, 'POST', '/members/b/readmit');
  await b.untilReady();
  await eventually('a hears b', async () => (await membersAt(a)).some((one) => one.id === 'b' && one.live));
  await refused('no-change', a, 'POST', '/members/b/readmit');
  await d.freeze();
  await eventually('its vote counts', () => commits(a));
  d.thaw();
  await agree(a, b, d);
});

test('a node moves to another address, by name, and is followed there', async () => {
  const [a, b, d] = three('a', 'b', 'd') as [NodeProcess, NodeProcess, NodeProcess];
  const load = traffic(a, d);
  await load.progress(20);
  await b.stop();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  b.moveTo(port, url);
  b.start();
  await done(200, a, 'PATCH', '/members/b', { url });
  await refused('no-change', a, 'PATCH', '/members/b', { url });
  await refused('member-exists', a, 'PATCH', '/members/b', { url: d.url });
  await b.untilReady();
  await eventually('all know', async () => {
    const seen = await Promise.all([a, b, d].map(membersAt));
    return seen.flat().filter((one) => one.id === 'b' && one.url === url && one.live).length === 3;
  });
  await load.progress(50);
  await done(200, a, 'POST', '/master/transfer', { to: 'b' });
  const hop = await fetch(`${a.url}/v1/groups/main/proposals?route=redirect`, {
    method: 'POST',
    body: '1',
    redirect: 'manual',
  });
  assert.ok(hop.headers.get('location')?.startsWith(url), `sent to ${hop.headers.get('location')}, not ${url}`);
  await load.stop();
  await agree(a, b, d);
});

test('the lease goes where it is sent under load, and is given back and changed on request', async () => {
  const [a, b, d] = three('a', 'b', 'd') as [NodeProcess, NodeProcess, NodeProcess];
  const load = traffic(a, b, d);
  await load.progress(50);
  let before = -1;
  for (const to of [a, b, d, a]) {
    for (const asked of [a, b, d]) {
      const { json } = await done(200, asked, 'POST', '/master/transfer', { to: to.id });
      assert.equal(json['node'], to.id);
    }
    const { json } = await done(200, to, 'GET', '/master');
    assert.ok(json['self'] === true && (json['version'] as number) > before);
    before = json['version'] as number;
    await load.progress(20);
  }
  await refused('member-not-found', a, 'POST', '/master/transfer', { to: 'nobody' });
  const released = await done(200, b, 'DELETE', '/master');
  assert.notEqual(released.json['version'], before);
  // Who was asked to give it back lets the others try first, for a second and a half: whoever stands still for that long
  // may try again.
  await eventually('somebody else takes it', async () => {
    const { id } = await cluster.master();
    if (id === 'a') await done(200, b, 'DELETE', '/master');
    return id !== 'a';
  });
  await done(200, d, 'PUT', '/master/lease', { leaseMs: 3000 });
  await eventually('all know the new lease', async () => {
    const leases = await Promise.all([a, b, d].map((each) => order(each, 'GET', '/master')));
    return leases.every(({ json }) => json['leaseMs'] === 3000);
  });
  await refused('invalid-request', d, 'PUT', '/master/lease', { leaseMs: 999 });
  await load.stop();
  await agree(a, b, d);
});

test('an observer learns, serves reads and the feed, hands proposals on, and never votes', async () => {
  const [a, b, d] = three('a', 'b', 'd') as [NodeProcess, NodeProcess, NodeProcess];
  const e = await cluster.join('e', ENV);
  await done(201, d, 'POST', '/members', { id: 'e', url: e.url, role: 'observer' });
  await e.untilReady();
  const follower = keep(new SocketFollower({ url: e.url, everything: true }));
  const load = traffic(e);
  await load.progress(50);
  await refused('not-caught-up', a, 'POST', '/master/transfer', { to: 'e' });
  await load.stop();
  await verify({ nodes: [a, b, d, e], untilReady: () => e.untilReady() }, loads, [follower]);
  assert.equal(await rolesAt(e), 'a voter, b voter, d voter, e observer');
  await b.freeze();
  await d.freeze();
  assert.equal(await commits(a), false, 'one voter and an observer make no quorum');
  b.thaw();
  d.thaw();
  await eventually('it goes on', () => commits(e));
});

test('it shrinks to one again, which is not taken away', async () => {
  const [a, b, d, e] = three('a', 'b', 'd', 'e') as [NodeProcess, NodeProcess, NodeProcess, NodeProcess];
  await done(200, a, 'DELETE', '/members/e');
  await done(200, b, 'DELETE', '/members/d');
  await eventually('d knows', async () => (await unreadyCodes(d)).includes('not-a-member'));
  await e.kill();
  await d.kill();
  await untilRoles('a voter, b voter', a);
  await done(200, a, 'DELETE', '/members/b');
  await b.kill();
  await refused('member-not-found', a, 'DELETE', '/members/b');
  await refused('would-lose-quorum', a, 'DELETE', '/members/a');
  await refused('would-lose-quorum', a, 'DELETE', '/members/a?force=true');
  await a.untilReady();
  assert.equal((await post(a.url, '1', null)).type, 'acknowledged');
});

test('a member that is down or mistyped is refused, unless forced; a version that is past, in any case', async () => {
  const a = node('a');
  const down = { id: 'x', url: `http://127.0.0.1:${await freePort()}` };
  const mistyped = { id: 'x', url: a.url };
  await refused('would-lose-quorum', a, 'POST', '/members', down);
  await refused('member-exists', a, 'POST', '/members', mistyped);
  const { etag } = await done(200, a, 'GET', '/members');
  assert.ok(etag !== null);
  await refused('precondition-failed', a, 'POST', '/members?force=true', down, { 'if-match': '"0"' });
  const { etag: next } = await done(201, a, 'POST', '/members?force=true', down, { 'if-match': etag });
  assert.notEqual(next, etag);
  assert.equal(await rolesAt(a), 'a voter, x learner');
  assert.equal((await post(a.url, '1', null)).type, 'acknowledged', 'who is not there is not waited for');
  await refused('member-exists', a, 'POST', '/members?force=true', down);
  await refused('precondition-failed', a, 'DELETE', '/members/x', undefined, { 'if-match': etag });
  await done(200, a, 'DELETE', '/members/x', undefined, { 'if-match': '*' });
  await agree(a);
});
