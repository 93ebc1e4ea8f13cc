// A group between its start and its founding: it says that it is not ready, and an order about its members waits like any
// proposal. Tried: with readiness told by `founding.mayFound` the first fails, without the wait in members-desk.ts the
// second does. That was a node that said it was ready, and refused the next call.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace } from '../../src/engine/face.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { loneNode } from './lone-node.js';

const OBSERVER = { id: 'b', url: 'http://b', role: 'observer' } as const;

/** A node whose disk keeps every write waiting until `found` is called. */
async function unfounded(context: TestContext): Promise<{ group: GroupFace; found: () => void }> {
  let found = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    found = resolve;
  });
  const store = new MemoryStore(new MemoryDisk('store of a'), { beforeDurable: () => gate });
  const { node } = await loneNode({ store });
  context.after(() => node.close());
  const group = node.group('main');
  assert.ok(group !== undefined);
  return { group, found };
}

const failing = (group: GroupFace) => group.ready().flatMap(({ name, code }) => (code === null ? [] : [[name, code]]));

test('a node is not ready before its group is founded', async (context) => {
  const { group, found } = await unfounded(context);
  assert.deepEqual(failing(group), [['main/quorum', 'no-quorum']]);
  found();
  await group.propose({ machine: 'log', encoding: 'utf8', bytes: Buffer.of(65) });
  assert.deepEqual(failing(group), []);
});

test('an order about members waits for the founding, until its time is over', async (context) => {
  const { group, found } = await unfounded(context);
  const early = group.addMember(OBSERVER, { timeoutMs: 30 });
  await assert.rejects(early, (error) => error instanceof PaxmeshError && error.code === 'no-quorum');
  const waiting = group.addMember(OBSERVER, { timeoutMs: 30_000 });
  found();
  const { members } = await waiting;
  assert.deepEqual(
    members.map(({ id, role }) => `${id} ${role}`),
    ['a voter', 'b observer'],
  );
});
