// Fault 4 of PhxPaxos. After a time-out the old value was proposed again under the next caller's name, and a value of
// exactly the maximum made every later proposal on that node time out. The rule: each waiter owns its commands, and there
// is one limit, checked at the door. (That such a value fits a frame is proved in test/net/mesh.test.ts.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace, NewCommand } from '../../src/engine/face.js';
import { commandBytesMaxFor } from '../../src/machines/value-limit.js';
import { Cluster, VALUE_BYTES_MAX } from './cluster.js';

const text = (letters: string): NewCommand => ({ machine: 'log', encoding: 'utf8', bytes: Buffer.from(letters) });

async function at(group: GroupFace, instanceId: number, index: number): Promise<unknown> {
  return JSON.parse((await group.instance(instanceId)).values[index]?.valueJson ?? 'null');
}

// Fails when a chosen command answers whoever waits, instead of who made it: tried.
test('after a call has timed out, the next caller on the same node gets the place of its own value', async () => {
  const cluster = await Cluster.start();
  const [other = ''] = cluster.others;
  const group = cluster.group(other);
  cluster.swallow(other);
  const [late] = await cluster.answers([group.propose(text('late'), { route: 'local', timeoutMs: 300 })]);
  assert.ok(late?.status === 'rejected');
  const { code, outcome } = late.reason as PaxmeshError;
  assert.deepEqual([code, outcome], ['proposal-timeout', 'unknown'], 'it was sent, so nobody knows');
  cluster.mend(other);
  const [next] = await cluster.results([group.propose(text('next'), { route: 'local' })]);
  assert.ok(next);
  assert.equal(await at(group, next.instanceId, next.index), 'next');
  // What had timed out was chosen once at most.
  await cluster.run(100);
  const { items } = await group.instances(0, 1000, 0);
  const all = items.flatMap(({ values }) => values.map(({ valueJson }) => valueJson));
  assert.ok(all.filter((value) => value === '"late"').length <= 1);
  assert.equal(all.filter((value) => value === '"next"').length, 1);
});

// Fails when the limit is not checked at the door: tried.
test('a value of exactly the maximum goes through, one byte more is refused, and the next small one is not disturbed', async () => {
  const cluster = await Cluster.start();
  for (const id of ['a', 'b', 'c']) {
    const group = cluster.group(id);
    const whole = 'x'.repeat(VALUE_BYTES_MAX);
    const [fits] = await cluster.results([group.propose(text(whole))]);
    assert.ok(fits);
    assert.equal(await at(group, fits.instanceId, fits.index), whole);
    const [large] = await cluster.answers([group.propose(text(`${whole}x`))]);
    assert.ok(large?.status === 'rejected');
    assert.equal((large.reason as PaxmeshError).code, 'value-too-large');
    await cluster.results([group.propose(text('small'))]);
  }
});

// Fails when the value's wrapping counts, or when what its caller says of it is all that counts: tried.
test('a value inside a command counts by itself, and no command is larger than a frame has room for', async () => {
  const cluster = await Cluster.start();
  const value = Buffer.alloc(VALUE_BYTES_MAX, 0xfe).toString('base64');
  const bytes = Buffer.from(`{"op":"put","key":"k","encoding":"base64","value":"${value}"}`);
  const put: NewCommand = { machine: 'kv', encoding: 'json', bytes };
  for (const id of ['a', 'b', 'c']) {
    const group = cluster.group(id);
    await cluster.results([group.propose({ ...put, valueBytes: VALUE_BYTES_MAX })]);
    const huge = { ...text('x'.repeat(commandBytesMaxFor(VALUE_BYTES_MAX) + 1)), valueBytes: 1 };
    for (const large of [put, { ...put, valueBytes: VALUE_BYTES_MAX + 1 }, huge]) {
      const [answer] = await cluster.answers([group.propose(large)]);
      assert.ok(answer?.status === 'rejected');
      assert.equal((answer.reason as PaxmeshError).code, 'value-too-large');
    }
    await cluster.results([group.propose(text('small'))]);
  }
});
