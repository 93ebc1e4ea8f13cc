// A request whose idempotency key is under way already: it is told what the first one is told, when that is known, whichever
// node it came to. Nobody is sent away with `idempotency-in-progress`: who asks again wants the answer, and whoever will not
// wait has a deadline. Tried: with a key that is pending refused in intake.ts it fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import { Cluster } from '../faults/cluster.js';
import { count, counter } from '../faults/machines.js';

test('a repeat that comes while the first is under way waits for its answer, on every node', async () => {
  const machine = counter();
  const cluster = await Cluster.start({ machines: (node) => [node === 'a' ? machine : counter()] });
  const { master, others } = cluster;
  const [other = ''] = others;
  const once = (at: string, name: string) =>
    cluster.group(at).propose({ ...count(name), idempotencyKey: 'k' }, { timeoutMs: 60_000 });
  cluster.loses = ({ message }) => message.type === 'accept' || message.type === 'forward';
  const calls = [once(master, 'x'), once(master, 'x'), once(other, 'x')];
  const ended: string[] = [];
  for (const call of calls) void call.then(() => ended.push('answered'));
  await cluster.run(200);
  assert.deepEqual(ended, []);
  assert.equal((await cluster.result(cluster.group(master).proposal('k', 0))).state, 'pending');
  cluster.loses = () => false;
  const answers = await cluster.results(calls);
  assert.equal(new Set(answers.map(({ instanceId, index }) => `${instanceId}.${index}`)).size, 1);
  assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
  await cluster.until('a has applied it', () => machine.done.length > 0);
  assert.equal(machine.done.length, 1);
  const reused = cluster.result(once(other, 'y'));
  await assert.rejects(reused, ({ code, outcome }: PaxmeshError) => {
    return code === 'idempotency-key-reused' && outcome === 'none';
  });
});
