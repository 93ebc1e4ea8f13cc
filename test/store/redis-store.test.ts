// The Redis store: the port's suite on a real server, and what must hold when processes or servers are killed, when the
// server forgets, or is set up so that it might.
import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { StoreFenced, StoreUnusable } from '../../src/engine/errors.js';
import { createStore } from '../../src/store/open-store.js';
import { RedisStore } from '../../src/store/redis-store.js';
import { ballot, bytesOf, logStoreSuite, one, record, records } from '../conformance/log-store.js';
import { RedisServer } from '../redis-server.js';
import { acknowledgedBeforeKill, syncedBeforeKill, textOfBlock } from './committing-child.js';

const STRICT = { allowUnsafe: false };
let shared: RedisServer;
let nodes = 0;

before(async () => {
  shared = await RedisServer.start();
});
after(() => shared.stop());

async function withRedis<T>(server: RedisServer, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url, { replyMapping: 'legacy' });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function flip(key: string, field: string): Promise<void> {
  await withRedis(shared, async (redis) => {
    const row = (await redis.hgetBuffer(key, field)) ?? assert.fail('the row to flip is missing');
    const at = Math.floor(row.length / 2);
    row[at] = (row[at] ?? 0) ^ 0x10;
    await redis.hset(key, field, row);
  });
}

logStoreSuite({
  name: 'redis',
  secondOpen: 'fences',
  async medium() {
    const node = `n${nodes++}`;
    const segment = (group: string, instance: number): string =>
      `paxmesh:{${node}}:log:${group}:${Math.floor(instance / 1024)}`;
    return {
      store: () => new RedisStore(shared.url, { node, ...STRICT }),
      flipRecord: (group, instance) => flip(segment(group, instance), String(instance % 1024)),
      flipPromise: (group) => flip(`paxmesh:{${node}}:sys`, `g:${group}`),
      loseRecord: (group, instance) =>
        withRedis(shared, async (redis) => void (await redis.hdel(segment(group, instance), String(instance % 1024)))),
      flipBlock: (group, name, index) => flip(`paxmesh:{${node}}:checkpoint:${group}:${name}`, String(index)),
      loseBlock: (group, name, index) =>
        withRedis(
          shared,
          async (redis) => void (await redis.hdel(`paxmesh:{${node}}:checkpoint:${group}:${name}`, String(index))),
        ),
      blockBytes: () =>
        withRedis(shared, async (redis) => {
          let bytes = 0;
          for (const key of await redis.keys(`paxmesh:{${node}}:checkpoint:*`)) {
            for (const block of await redis.hvalsBuffer(key)) bytes += block.length;
          }
          return bytes;
        }),
      rows: (group) =>
        withRedis(shared, async (redis) => {
          let rows = 0;
          for (const key of await redis.keys(`paxmesh:{${node}}:log:${group}:*`)) rows += await redis.hlen(key);
          return rows;
        }),
      destroy: () =>
        withRedis(shared, async (redis) => {
          const keys = await redis.keys(`paxmesh:{${node}}:*`);
          if (keys.length > 0) await redis.unlink(...keys);
          await redis.srem('paxmesh:nodes', node);
        }),
    };
  },
});

/** A server of its own for one test. */
async function withServer(
  work: (server: RedisServer) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const server = await RedisServer.start(settings);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

async function openedOn(server: RedisServer, node = 'a'): Promise<RedisStore> {
  const store = new RedisStore(server.url, { node, ...STRICT });
  await store.open();
  return store;
}

async function refusal(store: { open(): Promise<unknown> }): Promise<string> {
  try {
    await store.open();
  } catch (error) {
    assert.ok(error instanceof StoreUnusable, String(error));
    return error.message;
  }
  return assert.fail('the store was opened');
}

describe('redis: servers and processes that die', () => {
  test('kill -9 of the node in the middle of commits loses nothing acknowledged', async () => {
    await withServer(async (server) => {
      const acknowledged = await acknowledgedBeforeKill(server.url, 200);
      const store = await openedOn(server);
      const { damage, last } = await store.load('main');
      assert.deepEqual(damage, []);
      assert.ok((last?.instance ?? -1) >= acknowledged);
      assert.equal((await store.read('main', 0, acknowledged + 1, 1e9)).length, acknowledged + 1);
      await store.close();
    });
  });

  test('kill -9 of the server under load: the commit rejects, and after reopen all acknowledged ones are there', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.load('main');
      let acknowledged = -1;
      const committing = (async () => {
        for (let instance = 0; ; instance++) {
          await store.commit(one('main', record(instance, `value ${instance}`)));
          acknowledged = instance;
        }
      })();
      const failed = assert.rejects(committing, /Redis at redis:\/\/127\.0\.0\.1/);
      while (acknowledged < 100) await new Promise((resolve) => setImmediate(resolve));
      await server.kill();
      await failed;
      assert.match(await refusal({ open: () => store.reopen() }), /127\.0\.0\.1.*start it/);
      await assert.rejects(store.commit(one('main', record(0, 'too early'))), /reopen/);
      await server.restart();
      const opening = await store.reopen();
      assert.deepEqual(opening.notes, ['the Redis server was restarted since this store was last opened']);
      const { damage, last } = await store.load('main');
      assert.deepEqual(damage, []);
      assert.ok((last?.instance ?? -1) >= acknowledged);
      await store.commit(one('main', record((last?.instance ?? -1) + 1, 'on it goes')));
      await store.close();
    });
  });

  test('a server that comes back empty is refused: its identity is gone', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await server.kill();
      await server.wipe();
      await server.restart();
      assert.match(await refusal({ open: () => store.reopen() }), /identity is gone/);
      await store.close();
    });
  });

  test('a server emptied at run time refuses the next commit, and the store that lost its identity is refused', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await withRedis(server, (redis) => redis.flushall());
      await assert.rejects(store.commit(one('main', record(1, 'y'))), /lost/);
      assert.match(await refusal({ open: () => store.reopen() }), /identity is gone/);
      await store.close();
    });
  });

  test('a store of which the system hash is gone is not founded anew over its own log', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await store.close();
      await withRedis(server, (redis) => redis.unlink('paxmesh:{a}:sys'));
      assert.match(await refusal(new RedisStore(server.url, { node: 'a', ...STRICT })), /identity is gone/);
    });
  });

  test('a server that comes back without its newest writes is not trusted with votes', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await cp(server.aofDirectory, join(server.directory, 'older'), { recursive: true });
      await store.commit(one('main', record(1, 'y')));
      await server.kill();
      await server.wipe();
      await cp(join(server.directory, 'older'), server.aofDirectory, { recursive: true });
      await server.restart();
      await store.reopen();
      const { damage } = await store.load('main');
      assert.ok(damage.some(({ hidesVote, detail }) => hidesVote && /forgot/.test(detail)));
      await store.close();
    });
  });

  test('a script that comes late from an older connection is refused by its epoch', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await withRedis(server, async (redis) => {
        const late = await readFile(new URL(import.meta.resolve('#lua/commit.lua')), 'utf8');
        const [epoch, flush] = await redis.hmget('paxmesh:{a}:sys', 'epoch', 'flush');
        const args = [epoch ?? '', flush ?? '', String(Number(flush) + 1), '2', 'g:main', 'garbage'];
        await store.reopen();
        assert.equal(await redis.eval(late, 1, 'paxmesh:{a}:sys', ...args), 'fenced');
        const now = await redis.hmget('paxmesh:{a}:sys', 'epoch', 'flush');
        assert.equal(await redis.eval(late, 1, 'paxmesh:{a}:sys', now[0] ?? '', flush ?? '', '9999', '0'), 'stale');
        // The very flush that stands already: acknowledged again, nothing written.
        assert.equal(
          await redis.eval(late, 1, 'paxmesh:{a}:sys', now[0] ?? '', '0', now[1] ?? '', '2', 'x', 'y'),
          'ok',
        );
        assert.equal(await redis.hexists('paxmesh:{a}:sys', 'x'), 0);
      });
      assert.deepEqual((await store.load('main')).damage, []);
      await store.close();
    });
  });

  test('a second process takes the store over: the first is fenced and can trim nothing either', async () => {
    await withServer(async (server) => {
      const old = await openedOn(server);
      await old.commit(one('main', ...records(0, 5)));
      const young = await openedOn(server);
      await assert.rejects(old.trim('main', 3), StoreFenced);
      assert.equal((await young.read('main', 0, 10, 1000)).length, 6);
      await Promise.all([old.close(), young.close()]);
    });
  });

  test('a server that is full refuses the flush whole, and the store recovers when there is room', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await withRedis(server, (redis) => redis.config('SET', 'maxmemory', '1'));
      await assert.rejects(store.commit(one('main', record(1, 'y'))), /OOM/);
      assert.match(await refusal({ open: () => store.reopen() }), /OOM/);
      await withRedis(server, (redis) => redis.config('SET', 'maxmemory', '0'));
      await store.reopen();
      const { damage, last } = await store.load('main');
      assert.deepEqual([damage, last?.instance], [[], 0]);
      await store.commit(one('main', record(1, 'y')));
      await store.close();
    });
  });

  test('a commit to a server that stands still is cut off by reopen, and cannot land afterwards', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      const pid = server.pid ?? assert.fail('the server has no process');
      process.kill(pid, 'SIGSTOP');
      const stuck = assert.rejects(store.commit(one('main', record(1, 'stuck'))));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const reopened = store.reopen();
      await stuck;
      process.kill(pid, 'SIGCONT');
      await reopened;
      const before = await store.load('main');
      assert.deepEqual(before.damage, []);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal((await store.load('main')).last?.instance, before.last?.instance);
      await store.commit(one('main', record((before.last?.instance ?? 0) + 1, 'next')));
      await store.close();
    });
  });

  test('kill -9 of the node, and then of the server, loses no block that was synced', async () => {
    await withServer(async (server) => {
      const synced = await syncedBeforeKill(server.url, 20);
      await server.kill();
      await server.restart();
      const store = await openedOn(server);
      assert.deepEqual(await store.checkpoints('main'), ['c']);
      for (let index = 0; index <= synced; index++) {
        const bytes = (await store.readBlock('main', 'c', index)) ?? assert.fail(`block ${index} is gone`);
        assert.equal(Buffer.from(bytes).toString(), textOfBlock(index));
      }
      await store.close();
    });
  });

  test('a block, or its removal, that comes late from an older connection is refused by its epoch', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.putBlock('main', 'c', 0, bytesOf('x'));
      await withRedis(server, async (redis) => {
        const keys = ['paxmesh:{a}:sys', 'paxmesh:{a}:checkpoint:main:c'] as const;
        const epoch = (await redis.hget(keys[0], 'epoch')) ?? '';
        const put = await readFile(new URL(import.meta.resolve('#lua/put-block.lua')), 'utf8');
        const drop = await readFile(new URL(import.meta.resolve('#lua/drop-checkpoint.lua')), 'utf8');
        await store.reopen();
        assert.equal(await redis.eval(put, 2, ...keys, epoch, '0', 'garbage'), 'fenced');
        assert.equal(await redis.eval(drop, 2, ...keys, epoch), 'fenced');
        assert.notEqual(await store.readBlock('main', 'c', 0), null);
        await redis.unlink(keys[0]);
        assert.equal(await redis.eval(put, 2, ...keys, epoch, '0', 'garbage'), 'lost');
        assert.equal(await redis.eval(drop, 2, ...keys, epoch), 'lost');
      });
      await assert.rejects(store.putBlock('main', 'c', 1, bytesOf('y')), /lost/);
      await store.close();
    });
  });

  test('a server that is full refuses a block, keeps those it has, and takes more when there is room', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.putBlock('main', 'c', 0, bytesOf('x'));
      await withRedis(server, (redis) => redis.config('SET', 'maxmemory', '1'));
      await assert.rejects(store.putBlock('main', 'c', 1, bytesOf('y')), /OOM/);
      await store.dropCheckpoint('main', 'other');
      await withRedis(server, (redis) => redis.config('SET', 'maxmemory', '0'));
      await store.putBlock('main', 'c', 1, bytesOf('y'));
      await store.syncBlocks('main', 'c');
      assert.notEqual(await store.readBlock('main', 'c', 0), null);
      await store.commit(one('main', record(0, 'x')));
      await store.close();
    });
  });

  test('an older version of a closed record is not read as the chosen one though the load left it out', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'zero'), record(1, 'a vote that lost')));
      await withRedis(server, async (redis) => {
        const key = 'paxmesh:{a}:log:main:0';
        const old = (await redis.hgetBuffer(key, '1')) ?? assert.fail('no row');
        await store.commit(one('main', record(1, 'chosen', { chosen: true })));
        await store.commit(one('main', ...records(2, 4)));
        await redis.hset(key, '1', old);
      });
      await store.reopen();
      assert.deepEqual((await store.load('main', 4)).damage, []);
      assert.equal((await store.read('main', 0, 10, 1e9)).length, 1);
      assert.deepEqual(await store.read('main', 1, 1, 1e9), []);
      assert.equal((await store.read('main', 2, 10, 1e9)).length, 3);
      await store.close();
    });
  });

  test('scripts forgotten by the server are sent again', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await withRedis(server, (redis) => redis.script('FLUSH'));
      await store.commit(one('main', record(1, 'y')));
      assert.equal((await store.read('main', 0, 10, 1000)).length, 2);
      await store.close();
    });
  });
});

describe('redis: a server that is no disk', () => {
  const weak: readonly (readonly [string, string, RegExp])[] = [
    ['appendonly', 'no', /appendonly is "no": set "appendonly yes"/],
    ['appendfsync', 'everysec', /appendfsync is "everysec": set "appendfsync always"/],
    ['no-appendfsync-on-rewrite', 'yes', /no-appendfsync-on-rewrite is "yes": set "no-appendfsync-on-rewrite no"/],
    ['aof-load-truncated', 'yes', /aof-load-truncated is "yes": set "aof-load-truncated no"/],
    ['maxmemory-policy', 'allkeys-lru', /maxmemory-policy is "allkeys-lru": set "maxmemory-policy noeviction"/],
  ];

  test('each weak setting is refused by its name, with what to set; the unsafe switch turns it into a warning', async () => {
    for (const [name, value, expected] of weak) {
      await withServer(
        async (server) => {
          assert.match(await refusal(await createStore(server.url, { node: 'a' })), expected);
          const unsafe = await createStore(server.url, { node: 'a', allowUnsafe: true });
          await unsafe.open();
          assert.equal(unsafe.durable, false);
          assert.ok(unsafe.warnings.some((warning) => expected.test(warning)));
          await unsafe.close();
        },
        { [name]: value },
      );
    }
  });

  test('a server restarted with weaker settings is refused at reopen, and accepted once they are right again', async () => {
    await withServer(async (server) => {
      const store = await openedOn(server);
      await store.commit(one('main', record(0, 'x')));
      await server.restart({ appendfsync: 'everysec' });
      await assert.rejects(store.commit(one('main', record(1, 'y'))));
      assert.match(await refusal({ open: () => store.reopen() }), /appendfsync is "everysec"/);
      await withRedis(server, (redis) => redis.config('SET', 'appendfsync', 'always'));
      await store.reopen();
      assert.equal(store.durable, true);
      assert.equal((await store.load('main')).last?.instance, 0);
      await store.close();
    });
  });

  test('a replica is refused', async () => {
    await withServer(async (server) => {
      await withRedis(server, (redis) => redis.replicaof('127.0.0.1', shared.port));
      assert.match(await refusal(await createStore(server.url, { node: 'a' })), /role is "slave": .*master/);
    });
  });

  test('a replica that was promoted since the last write is not trusted with votes', async () => {
    await withServer(
      async (master) => {
        const store = await openedOn(master);
        await store.commit(one('main', record(0, 'x')));
        await withServer(async (replica) => {
          await withRedis(replica, async (redis) => {
            await redis.replicaof('127.0.0.1', master.port);
            while ((await redis.hlen('paxmesh:{a}:sys')) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
            await redis.replicaof('NO', 'ONE');
          });
          const moved = new RedisStore(replica.url, { node: 'a', ...STRICT });
          const { notes } = await moved.open();
          assert.ok(notes?.some((note) => /promoted/.test(note)));
          assert.ok((await moved.load('main')).damage.some(({ hidesVote }) => hidesVote));
          await moved.close();
        });
        await store.close();
      },
      { 'repl-diskless-sync-delay': '0' },
    );
  });

  test('where CONFIG is forbidden, the settings must be declared, and what INFO tells is still checked', async () => {
    const forbidden = { 'rename-command': 'CONFIG ""' };
    await withServer(async (server) => {
      assert.match(
        await refusal(await createStore(server.url, { node: 'a' })),
        /CONFIG is forbidden.*durability=declared/,
      );
      const declared = await createStore(`${server.url}?durability=declared`, { node: 'a' });
      await declared.open();
      assert.ok(declared.warnings.some((warning) => /declared, not checked/.test(warning)));
      await declared.commit(one('main', record(0, 'x')));
      await declared.close();
    }, forbidden);
    await withServer(
      async (server) => {
        const store = await createStore(`${server.url}?durability=declared`, { node: 'a' });
        assert.match(await refusal(store), /no append-only file/);
      },
      { ...forbidden, appendonly: 'no' },
    );
  });

  test('several nodes in one Redis are reported as a single failure domain', async () => {
    await withServer(async (server) => {
      const one = await openedOn(server, 'a');
      const two = await openedOn(server, 'b');
      assert.deepEqual(one.warnings, []);
      assert.match(two.warnings.join(), /single failure domain.*stores of a$/);
      await Promise.all([one.close(), two.close()]);
    });
  });

  test('passwords do not show: not in a refused login, not in a dead address, not in a broken URL', async () => {
    await withServer(async (server) => {
      const secret = 'hunter2-%40-secret';
      for (const url of [
        `redis://user:${secret}@127.0.0.1:${server.port}`,
        `redis://:${secret}@127.0.0.1:1`,
        `redis://:${secret}@127.0.0.1:notaport`,
        `radish://:${secret}@127.0.0.1`,
      ]) {
        const told = await refusal({ open: async () => (await createStore(url, { node: 'a' })).open() });
        assert.doesNotMatch(told, /hunter2/);
      }
      const refused = await createStore(`redis://:${secret}@127.0.0.1:${server.port}`, { node: 'a' });
      const caught = await refused.open().catch((error) => error);
      const { inspect } = await import('node:util');
      assert.doesNotMatch(inspect(caught, { depth: 9 }), /hunter2/);
    });
  });
});

describe('redis: an append-only file that is not what was written', () => {
  test('any one flipped byte is refused by Redis, refused by the store, or found as damage', async () => {
    const server = await RedisServer.start();
    try {
      const store = await openedOn(server);
      for (let instance = 0; instance < 10; instance++) {
        const promise = { type: 'promise', ballot: ballot(instance + 1) } as const;
        await store.commit(one('main', promise, record(instance, `value ${instance}`)));
      }
      await store.close();
      await server.kill();
      const pristine = join(server.directory, 'pristine');
      await cp(server.aofDirectory, pristine, { recursive: true });
      const name = (await readdir(pristine)).find((file) => file.endsWith('.incr.aof')) ?? '';
      const bytes = await readFile(join(pristine, name));
      const verdicts = { server: 0, store: 0, damage: 0, healthy: 0 };
      // Enough places to meet lengths, commands, keys, fields and rows, few enough to start a server for each.
      for (let at = 7; at < bytes.length; at += Math.floor(bytes.length / 60) | 1) {
        await rm(server.aofDirectory, { recursive: true });
        await cp(pristine, server.aofDirectory, { recursive: true });
        const garbled = Buffer.from(bytes);
        garbled[at] = (garbled[at] ?? 0) ^ 0x02;
        await writeFile(join(server.aofDirectory, name), garbled);
        try {
          await server.restart();
        } catch {
          verdicts.server += 1;
          continue;
        }
        verdicts[await verdict(server)] += 1;
        await server.kill();
      }
      assert.ok(verdicts.server + verdicts.store + verdicts.damage > 20, JSON.stringify(verdicts));
    } finally {
      await server.stop();
    }
  });

  /** Healthy is only what holds exactly what was written; an older row that was overwritten later may be garbled. */
  async function verdict(server: RedisServer): Promise<'store' | 'damage' | 'healthy'> {
    const store = new RedisStore(server.url, { node: 'a', ...STRICT });
    try {
      await store.open();
      const { damage, last, promised } = await store.load('main');
      const found = await store.read('main', 0, 100, 1e9);
      for (const entry of found) {
        assert.deepEqual(Buffer.from(entry.value.bytes), Buffer.from(bytesOf(`value ${entry.instance}`)));
      }
      if (damage.length > 0) return 'damage';
      assert.deepEqual([found.length, last?.instance, promised], [10, 9, ballot(10)]);
      return 'healthy';
    } catch (error) {
      if (error instanceof StoreUnusable) return 'store';
      throw error;
    } finally {
      await store.close();
    }
  }
});
