// A store that does not answer for a while, under a node that runs: whoever asks for what only the store has is told so, with
// a code that says "later" and an outcome of none; and why it does not come back is told as of the last attempt.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../src/engine/errors.js';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace } from '../../src/engine/face.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { loneNode } from './lone-node.js';

class AwayStore extends MemoryStore {
  /** Why nothing works; null: everything does. */
  away: string | null = null;
  /** Blocks wait for it. */
  gate: Promise<void> = Promise.resolve();

  #mustBeThere(): void {
    if (this.away !== null) throw new Error(this.away);
  }

  override async read(...args: Parameters<MemoryStore['read']>): ReturnType<MemoryStore['read']> {
    this.#mustBeThere();
    return super.read(...args);
  }

  override async commit(...args: Parameters<MemoryStore['commit']>): Promise<void> {
    this.#mustBeThere();
    return super.commit(...args);
  }

  override async reopen(): ReturnType<MemoryStore['reopen']> {
    this.#mustBeThere();
    return super.reopen();
  }

  override async putBlock(...args: Parameters<MemoryStore['putBlock']>): Promise<void> {
    await this.gate;
    this.#mustBeThere();
    return super.putBlock(...args);
  }
}

const VALUE = { machine: 'log', encoding: 'utf8', bytes: Buffer.of(65) } as const;

/** Started twice, so that the log of the first life is in the store and not in memory. */
async function secondLife(context: TestContext): Promise<{ group: GroupFace; store: AwayStore }> {
  const disk = new MemoryDisk('store of a');
  const { node: first } = await loneNode({ store: new MemoryStore(disk) });
  await first.group('main')?.propose(VALUE);
  first.close();
  const store = new AwayStore(disk);
  const { node } = await loneNode({ store });
  context.after(() => node.close());
  const group = node.group('main');
  assert.ok(group !== undefined);
  await group.propose(VALUE);
  return { group, store };
}

/** Looks for it some 10 s long: the pauses between attempts to open the store grow. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let looks = 0; !holds(); looks++) {
    assert.ok(looks < 2000, what);
    await sleep(5);
  }
}

const told = (code: ErrorCode, outcome: string, detail: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PaxmeshError);
  assert.deepEqual([error.code, error.outcome, error.retryable], [code, outcome, true]);
  assert.match(error.message, detail);
  return true;
};

// Tried: without the catch in log-pages.ts each of the three ends with an error that the edge calls `internal`.
test('what stands in the store alone is refused with store-unavailable, and what is in memory is read', async (context) => {
  const { group, store } = await secondLife(context);
  store.away = 'gone';
  const away = told('store-unavailable', 'none', /^gone$/);
  await assert.rejects(group.instance(0), away);
  await assert.rejects(group.instances(0, 10, 0), away);
  const follower = group.follow({ from: 0 });
  context.after(() => follower.close());
  await assert.rejects(follower.next(0), away);
  assert.equal((await group.instance(group.lastChosen)).instanceId, group.lastChosen);
  store.away = null;
  assert.equal((await group.instance(0)).instanceId, 0);
});

// Tried: without the catch at putBlock in checkpoint.ts it ends with an error that the edge calls `internal`.
test('a checkpoint that cannot be written is refused with store-unavailable', async (context) => {
  const { group, store } = await secondLife(context);
  store.away = 'gone';
  await assert.rejects(group.takeCheckpoint(), told('store-unavailable', 'none', /^gone$/));
});

// Tried: without the limit in checkpointer.ts the first call waits on.
test('who waits for a checkpoint no longer than so long is told, and it is written on', async (context) => {
  const { group, store } = await secondLife(context);
  let open = (): void => undefined;
  store.gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  context.after(() => open());
  const late: unknown[] = [];
  group.takeCheckpoint({ timeoutMs: 10 }).catch((error: unknown) => late.push(error));
  await until('it waits no longer', () => late.length > 0);
  assert.ok(told('proposal-timeout', 'unknown', /that goes on$/)(late[0]));
  const joined = group.takeCheckpoint({ timeoutMs: 60_000 });
  open();
  const { instanceId } = await joined;
  assert.deepEqual(
    group.checkpoints().map((checkpoint) => checkpoint.instanceId),
    [instanceId],
  );
});

// Tried: without stillOut in paxos-node.ts the first reason stays for ever, and nobody hears which setting to change.
test('a store that stays away says why as of the last attempt', async (context) => {
  const { group, store } = await secondLife(context);
  const detail = () => group.ready().find(({ name }) => name === 'main/store')?.detail;
  store.away = 'the connection is closed';
  const proposed = group.propose(VALUE, { timeoutMs: 60_000 });
  await until('it says why', () => detail() === 'the connection is closed');
  store.away = 'appendfsync is everysec';
  await until('it says why not yet', () => detail() === 'appendfsync is everysec');
  await assert.rejects(group.propose(VALUE), told('store-unavailable', 'none', /^appendfsync is everysec$/));
  store.away = null;
  await proposed;
  assert.equal(detail(), 'ok');
});
