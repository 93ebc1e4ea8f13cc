// What a node refuses to start with: exit status 1 and one line that names the setting to change.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../free-port.js';
import { RedisServer } from '../redis-server.js';
import { paxmesh } from './command.js';

let directory = '';
let settings: Record<string, string> = {};

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxmesh-refusals-'));
  settings = {
    PAXMESH_NODE: 'a',
    PAXMESH_LISTEN: `127.0.0.1:${await freePort()}`,
    PAXMESH_STORE: `embedded:${join(directory, 'a')}`,
  };
});

after(async () => {
  await chmod(directory, 0o755);
  await rm(directory, { recursive: true, force: true });
});

async function refuses(changes: Readonly<Record<string, string>>, line: RegExp, flags: string[] = []): Promise<string> {
  const { status, signal, stderr } = await paxmesh(['serve', ...flags], { env: { ...settings, ...changes } });
  assert.deepEqual({ status, signal }, { status: 1, signal: null }, stderr);
  assert.match(stderr, /^paxmesh: [^\n]+\n$/, 'one line');
  assert.match(stderr, line);
  return stderr;
}

const SETTINGS: readonly (readonly [string, string, string])[] = [
  ['a name that is not known', 'PAXMESH_LEASE', '5000'],
  ['a lease that is too short', 'PAXMESH_LEASE_MS', '999'],
  ['a member without an address', 'PAXMESH_MEMBERS', 'a'],
  ['a member with a bad URL', 'PAXMESH_MEMBERS', 'a=ftp://127.0.0.1:7001'],
  ['members without this node', 'PAXMESH_MEMBERS', 'b=http://127.0.0.1:7002'],
  ['an advertised URL with a path', 'PAXMESH_URL_ADVERTISED', 'http://127.0.0.1:7001/x'],
  ['an id with capitals', 'PAXMESH_NODE', 'A'],
  ['no id', 'PAXMESH_NODE', ''],
  ['a listen address without a port', 'PAXMESH_LISTEN', '127.0.0.1'],
  ['an address of another machine', 'PAXMESH_LISTEN', '192.0.2.1:7001'],
  ['a store of an unknown kind', 'PAXMESH_STORE', 'postgres://127.0.0.1/'],
  ['a store that forgets', 'PAXMESH_STORE', 'memory:'],
  ['a store URL that is none', 'PAXMESH_STORE', 'redis://'],
  ['a certificate that is not there', 'PAXMESH_TLS_CERT', '/nowhere/cert.pem'],
];

test('settings that cannot be used are refused by name', async () => {
  for (const [what, variable, value] of SETTINGS) {
    const line = await refuses({ [variable]: value }, new RegExp(variable));
    assert.ok(line.length < 600, `${what}: ${line}`);
  }
  await refuses({}, /--lease-mss/, ['--lease-mss', '5000']);
});

test('listening for other machines without secret and tokens is refused, naming both', async () => {
  await refuses({ PAXMESH_LISTEN: '0.0.0.0:0' }, /PAXMESH_LISTEN.*PAXMESH_CLUSTER_SECRET and PAXMESH_TOKENS/);
});

test('a secret in a setting that is refused is not repeated', async () => {
  const secrets = { PAXMESH_TOKENS: 'someone:king:hunter2', PAXMESH_CLUSTER_SECRET: 'hunter3' };
  assert.doesNotMatch(await refuses(secrets, /PAXMESH_TOKENS/), /hunter/);
  assert.doesNotMatch(await refuses({ PAXMESH_STORE: 'redis:/u:hunter2@x' }, /PAXMESH_STORE/), /hunter/);
});

test('a port that is taken is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await refuses({ PAXMESH_LISTEN: `127.0.0.1:${address.port}` }, /PAXMESH_LISTEN: .*in use/);
  server.close();
});

test('a data directory that cannot be made or written is refused', async () => {
  await writeFile(join(directory, 'file'), '');
  await refuses({ PAXMESH_STORE: `embedded:${join(directory, 'file', 'a')}` }, /PAXMESH_STORE: .*file/);
  await refuses({ PAXMESH_STORE: 'embedded:/proc/a' }, /PAXMESH_STORE: .*\/proc/);
  // No permission stops root.
  if (process.getuid?.() === 0) return;
  await chmod(directory, 0o555);
  await refuses({}, /PAXMESH_STORE: .*make it writable/);
  await chmod(directory, 0o755);
});

test('a Redis that is not there, or may lose what it acknowledged, is refused', async () => {
  await refuses({ PAXMESH_STORE: `redis://127.0.0.1:${await freePort()}` }, /redis:\/\/127.*PAXMESH_STORE/);
  const server = await RedisServer.start({ appendfsync: 'everysec' });
  try {
    await refuses({ PAXMESH_STORE: server.url }, /PAXMESH_STORE: .*appendfsync always/);
    await server.restart({ appendonly: 'no' });
    await refuses({ PAXMESH_STORE: server.url }, /PAXMESH_STORE: .*appendonly yes/);
  } finally {
    await server.stop();
  }
});
