// Settings: what they become, and the one line that says what is wrong with them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config.js';

const NODE = { PAXMESH_NODE: 'a' };

function refusal(env: Record<string, string>, flags: string[] = []): string {
  try {
    loadConfig(env, flags);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.ok(!error.message.includes('\n'));
    return error.message;
  }
  return assert.fail('it was taken');
}

describe('settings', () => {
  it('have defaults for everything but the node', () => {
    const config = loadConfig(NODE);
    assert.deepEqual(config, {
      node: 'a',
      listen: { host: '127.0.0.1', port: 7001 },
      urlAdvertised: 'http://127.0.0.1:7001',
      members: [],
      seeds: [],
      groups: ['main'],
      store: { kind: 'embedded', directory: '.paxmesh/a' },
      leaseMs: 10_000,
      timeoutMs: 5000,
      valueBytesMax: 10_485_760,
      clusterSecret: null,
      tokens: [],
      tls: null,
      logLevel: 'info',
      allowUnsafeStore: false,
      insecure: false,
    });
    assert.ok(Object.isFrozen(config));
  });

  it('are read from the environment', () => {
    const config = loadConfig({
      ...NODE,
      PAXMESH_LISTEN: '[::1]:7003',
      PAXMESH_MEMBERS: 'a=http://127.0.0.1:7001, b=https://b.test',
      PAXMESH_GROUPS: 'main,orders',
      PAXMESH_STORE: 'rediss://user:pw@redis.test:6380/1',
      PAXMESH_LEASE_MS: '1000',
      PAXMESH_CLUSTER_SECRET: 's',
      PAXMESH_TOKENS: 'ops:admin:t:1,app:write:t2',
      PAXMESH_SEEDS: '',
      PAXMESH_URL: 'http://for-the-client.test',
      HOME: '/nowhere',
    });
    assert.deepEqual(config.listen, { host: '::1', port: 7003 });
    assert.equal(config.urlAdvertised, 'http://[::1]:7003');
    assert.deepEqual(config.members, [
      { id: 'a', url: 'http://127.0.0.1:7001' },
      { id: 'b', url: 'https://b.test' },
    ]);
    assert.deepEqual(config.groups, ['main', 'orders']);
    assert.deepEqual(config.store, { kind: 'redis', url: 'rediss://user:pw@redis.test:6380/1' });
    assert.deepEqual(
      config.tokens.map(({ name, role }) => [name, role]),
      [
        ['ops', 'admin'],
        ['app', 'write'],
      ],
    );
    assert.deepEqual(config.tokens[0]?.digest, createHash('sha256').update('t:1').digest());
  });

  it('may come as flags, which win', () => {
    const config = loadConfig({ ...NODE, PAXMESH_LEASE_MS: '2000' }, [
      '--node',
      'b',
      '--listen=localhost:7009',
      '--lease-ms',
      '3000',
      '--store',
      'memory:',
      '--allow-unsafe-store',
      '--url-advertised',
      'http://b.test:80',
    ]);
    assert.deepEqual(
      [config.node, config.leaseMs, config.store.kind, config.allowUnsafeStore],
      ['b', 3000, 'memory', true],
    );
    assert.deepEqual([config.listen.host, config.urlAdvertised], ['127.0.0.1', 'http://b.test']);
  });

  for (const [name, value] of [
    ['NODE', 'A'],
    ['NODE', '-a'],
    ['NODE', 'a'.repeat(64)],
    ['LISTEN', '7001'],
    ['LISTEN', '127.0.0.1:70000'],
    ['LISTEN', '127.0.0.1:'],
    ['URL_ADVERTISED', 'ftp://a'],
    ['URL_ADVERTISED', 'a:7001'],
    ['MEMBERS', 'a'],
    ['MEMBERS', 'a=http://x,a=http://y'],
    ['MEMBERS', 'a=http://x,b=http://x'],
    ['MEMBERS', 'a=http://x,'],
    ['MEMBERS', 'a=http://x/path'],
    ['MEMBERS', 'a=javascript:alert(1)'],
    ['MEMBERS', 'B=http://x'],
    ['MEMBERS', 'b=http://x'],
    ['SEEDS', 'nowhere'],
    ['GROUPS', 'main,main'],
    ['GROUPS', 'main,'],
    ['GROUPS', '$master'],
    ['STORE', 'disk'],
    ['STORE', 'embedded:'],
    ['STORE', 'redis://'],
    ['STORE', 'memory:'],
    ['LEASE_MS', '999'],
    ['LEASE_MS', '1e4'],
    ['LEASE_MS', '-5'],
    ['TIMEOUT_MS', '0'],
    ['TIMEOUT_MS', '60001'],
    ['VALUE_BYTES_MAX', '0'],
    ['VALUE_BYTES_MAX', '10MB'],
    ['TOKENS', 'ops:root:t'],
    ['TOKENS', 'ops:admin'],
    ['TOKENS', 'x:read:t,x:read:u'],
    ['TOKENS', 'x:read:t,y:read:t'],
    ['TLS_CERT', '/nowhere/cert.pem'],
    ['LOG_LEVEL', 'loud'],
  ] as const) {
    it(`refuse PAXMESH_${name}=${value.slice(0, 40)} and name the variable`, () => {
      assert.ok(refusal({ ...NODE, [`PAXMESH_${name}`]: value }).includes(`PAXMESH_${name}`));
    });
  }

  it('refuse to be without a node, unknown names and unknown flags', () => {
    assert.match(refusal({}), /PAXMESH_NODE/);
    assert.match(refusal({ ...NODE, PAXMESH_LEASE: '5000' }), /PAXMESH_LEASE is not a setting/);
    assert.match(refusal(NODE, ['--lease', '5000']), /--lease/);
    assert.match(refusal(NODE, ['--lease-ms']), /--lease-ms/);
    assert.match(refusal(NODE, ['hunter2']), /^(?!.*hunter2)/);
  });

  it('may name other members only, when there are seeds to join by', () => {
    const config = loadConfig({ ...NODE, PAXMESH_MEMBERS: 'b=http://b.test', PAXMESH_SEEDS: 'http://b.test' });
    assert.equal(config.members.length, 1);
  });

  it('refuse an open address without secret and tokens, naming what is missing', () => {
    const open = { ...NODE, PAXMESH_LISTEN: '0.0.0.0:7001' };
    assert.match(refusal(open), /PAXMESH_CLUSTER_SECRET and PAXMESH_TOKENS/);
    assert.match(refusal({ ...open, PAXMESH_CLUSTER_SECRET: 's' }), /set PAXMESH_TOKENS,/);
    assert.match(refusal({ ...open, PAXMESH_TOKENS: 'a:admin:t' }), /set PAXMESH_CLUSTER_SECRET,/);
    assert.match(refusal({ ...NODE, PAXMESH_LISTEN: 'node-a.test:7001' }), /--insecure/);
    assert.equal(
      loadConfig({ ...open, PAXMESH_CLUSTER_SECRET: 's', PAXMESH_TOKENS: 'a:admin:t' }).listen.host,
      '0.0.0.0',
    );
    assert.equal(loadConfig(open, ['--insecure']).insecure, true);
  });

  it('never repeat a secret', () => {
    for (const [name, value] of [
      ['TOKENS', 'ops:boss:hunter2'],
      ['MEMBERS', 'a=http://user:hunter2@x'],
      ['URL_ADVERTISED', 'http://user:hunter2@x'],
      ['STORE', 'reddis://user:hunter2@x'],
    ] as const) {
      assert.ok(!refusal({ ...NODE, [`PAXMESH_${name}`]: value }).includes('hunter2'));
    }
    const config = loadConfig({ ...NODE, PAXMESH_TOKENS: 'ops:admin:hunter2' });
    assert.ok(!JSON.stringify(config).includes('hunter2'));
  });

  it('refuse TLS files that are missing in part or make no pair', () => {
    const directory = mkdtempSync(join(tmpdir(), 'paxmesh-'));
    const file = join(directory, 'x.pem');
    writeFileSync(file, 'no PEM');
    assert.match(refusal({ ...NODE, PAXMESH_TLS_CERT: file }), /PAXMESH_TLS_KEY is missing/);
    assert.match(refusal({ ...NODE, PAXMESH_TLS_CA: file, PAXMESH_TLS_KEY: file }), /PAXMESH_TLS_CERT is missing/);
    assert.match(refusal({ ...NODE, PAXMESH_TLS_CERT: file, PAXMESH_TLS_KEY: file }), /must be PEM files/);
    rmSync(directory, { recursive: true });
  });
});
