// A backup from a cluster on embedded stores, restored into one on Redis, and back, by the commands a person types.
import assert from 'node:assert/strict';
import { cp, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './cluster.js';
import { paxmesh } from './command.js';
import { keeper } from './keeper.js';
import { RedisCluster } from './redis-cluster.js';

const keep = keeper(after);
const ENV = { PAXMESH_GROUPS: 'main,orders', PAXMESH_LEASE_MS: '2000' };
let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxmesh-backup-'));
});
after(() => rm(directory, { recursive: true, force: true }));

type Urls = readonly string[];

async function put(url: string, group: string, key: string, value: string): Promise<void> {
  const headers = { 'content-type': 'text/plain' };
  const answer = await fetch(`${url}/v1/groups/${group}/kv/${key}`, { method: 'PUT', body: value, headers });
  assert.ok(answer.ok, await answer.text());
}

async function get(url: string, group: string, key: string): Promise<string | null> {
  const answer = await fetch(`${url}/v1/groups/${group}/kv/${key}`);
  const text = await answer.text();
  return answer.ok ? text : null;
}

async function works(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await paxmesh(args);
  assert.deepEqual([status, stderr], [0, ''], stdout);
  return stdout;
}

async function fails(args: readonly string[], line: RegExp): Promise<void> {
  const { status, stdout, stderr } = await paxmesh(args);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, line);
}

/** One byte of this text, wherever in the directory it stands. */
async function garble(home: string, text: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!/\.(log|ldb)$/.test(name)) continue;
    const at = (await readFile(join(home, name))).indexOf(text);
    if (at < 0) continue;
    const handle = await open(join(home, name), 'r+');
    await handle.write('?', at);
    await handle.close();
    return;
  }
  throw new Error(`${text} is not to be found`);
}

async function gidOf(url: string): Promise<string> {
  return ((await (await fetch(`${url}/v1/groups/main`)).json()) as { gid: string }).gid;
}

const large = 'x'.repeat(400_000);

async function fill(urls: Urls): Promise<void> {
  for (let place = 0; place < 6; place++) await put(urls[place % 3] ?? '', 'main', `k${place}`, `${place}${large}`);
  await put(urls[1] ?? '', 'orders', 'first', 'of orders');
}

/** Every node has all of it. */
async function hasAll(urls: Urls): Promise<void> {
  for (const url of urls) {
    for (let place = 0; place < 6; place++) assert.equal(await get(url, 'main', `k${place}`), `${place}${large}`);
    assert.equal(await get(url, 'orders', 'first'), 'of orders');
  }
}

test('from embedded to Redis and back; whatever is not whole is refused; nothing is ever written over', async () => {
  const embedded = keep(await Cluster.start({ env: ENV }));
  await fill(embedded.urls);
  const file = join(directory, 'one.backup');
  const said = await works(['backup', '--out', file, '--url', embedded.urls[2] ?? '']);
  assert.match(
    said,
    /one\.backup: 2\.\d MB, whole, from node c\n {2}group main {2}gid \S+ {2}through instance \d+\n {2}group orders /,
  );
  await put(embedded.urls[0] ?? '', 'main', 'late', 'not inside');

  const servers = keep(await RedisCluster.start(ENV));
  const { urls } = servers.cluster;
  const bytes = await readFile(file);
  const cut = join(directory, 'cut.backup');
  await writeFile(cut, bytes.subarray(0, bytes.length - 1));
  await fails(
    ['restore', cut, '--url', urls[0] ?? ''],
    /^paxmesh: \S+cut\.backup cannot be restored: the snapshot is cut short\n$/,
  );
  // The node itself does not rely on the command to have looked.
  for (const damaged of [
    bytes.subarray(0, -1),
    Buffer.concat([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_001)]),
  ]) {
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await fetch(`${urls[0]}/v1/restore`, { method: 'POST', headers, body: damaged });
    const { code, outcome } = (await answer.json()) as { code: string; outcome: string };
    assert.deepEqual([answer.status, code, outcome], [400, 'invalid-request', 'none']);
  }
  assert.equal(await get(urls[0] ?? '', 'main', 'k0'), null, 'nothing was changed');
  const restored = await works(['restore', file, '--url', urls[1] ?? '', '--json']);
  const { groups } = JSON.parse(restored) as { groups: { group: string; gid: string; instanceId: number }[] };
  assert.deepEqual(
    groups.map(({ group }) => group),
    ['main', 'orders'],
  );
  assert.equal(groups[0]?.gid, await gidOf(urls[0] ?? ''));
  assert.notEqual(groups[0]?.gid, await gidOf(embedded.urls[0] ?? ''));
  await hasAll(urls);
  assert.equal(await get(urls[0] ?? '', 'main', 'late'), null);
  await fails(
    ['restore', file, '--url', urls[0] ?? ''],
    /^paxmesh: precondition-failed: .*never used.*\(outcome: none\)\n$/,
  );

  await put(urls[0] ?? '', 'main', 'more', 'from Redis');
  const second = join(directory, 'two.backup');
  await works(['backup', '--out', second, '--url', urls[0] ?? '']);
  // Every node of it starts again on what it holds.
  await servers.cluster.killAll();
  servers.cluster.startAll();
  await servers.cluster.untilReady();
  await hasAll(urls);
  const back = keep(await Cluster.start({ env: ENV }));
  await works(['restore', second, '--url', back.urls[2] ?? '']);
  await hasAll(back.urls);
  assert.equal(await get(back.urls[0] ?? '', 'main', 'more'), 'from Redis');
  for (const { id, settings } of back.nodes) {
    await back.node(id).stop();
    await works(['inspect', '--store', settings['PAXMESH_STORE'] ?? '', '--check']);
  }
});

test('a backup that breaks off leaves no file, and a file of the last one as it was', async () => {
  const whole = Buffer.from('not the archive that it should be');
  const server = createServer((_request, answer) => {
    answer.writeHead(200);
    answer.write(whole, () => answer.destroy());
  }).listen(0, '127.0.0.1');
  keep({ close: async () => server.close() });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(directory, 'kept.backup');
  await writeFile(file, 'the last one');
  await fails(
    ['backup', '--out', file, '--url', url],
    /^paxmesh: the backup broke off: [^\n]+; kept\.backup was not written\n$/,
  );
  assert.equal(await readFile(file, 'utf8'), 'the last one');
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.includes('partial')),
    [],
  );
  await fails(
    ['backup', '--out', join(directory, 'nowhere', 'x'), '--url', url],
    /^paxmesh: cannot write \S+: ENOENT\n$/,
  );
  await fails(['restore', join(directory, 'nothing')], /cannot be restored: ENOENT\n$/);
});

test('a store that has lost a byte is found out, and what is no store is not made one', async () => {
  const cluster = keep(await Cluster.start({ nodes: 1 }));
  const [node] = cluster.nodes;
  const store = node?.settings['PAXMESH_STORE'] ?? '';
  await put(node?.url ?? '', 'main', 'k', 'a value to be found on the disk');
  await fails(['inspect', '--store', store], /is in use by another process: stop it first\n$/);
  await node?.stop();
  // Where LevelDB would throw the damaged writes away, the store is left alone, with the proof of it.
  const home = store.slice('embedded:'.length);
  const copy = `${home}-copy`;
  await cp(home, copy, { recursive: true });
  await garble(copy, 'a value to be found');
  for (let look = 0; look < 2; look++) {
    await fails(
      ['inspect', '--store', `embedded:${copy}`, '--check'],
      /is damaged, or in use by a running node: acknowledged writes are damaged/,
    );
  }
  assert.equal(await works(['inspect', '--store', store, '--check']), 'group main: sound\n');
  const listed = await works(['inspect', '--store', store, '--group', 'main', '--from', '0', '--limit', '1']);
  assert.match(listed, /^0 {2}\$membership \{"op":"found"/);
  assert.match(await works(['inspect', '--store', store]), /^embedded store \S+, epoch 1\ngroup main {2}gid /);
  await garble(home, 'a value to be found');
  const { status, stdout } = await paxmesh(['inspect', '--store', store, '--check']);
  assert.equal(status, 1);
  assert.match(stdout, /^group main: DAMAGED\n( {2}[^\n]+\n)+$/);
  const nowhere = join(directory, 'no-store');
  await fails(['inspect', '--store', `embedded:${nowhere}`], /^paxmesh: there is no embedded store in \S+\n$/);
  assert.ok(!(await readdir(directory)).includes('no-store'));
});
