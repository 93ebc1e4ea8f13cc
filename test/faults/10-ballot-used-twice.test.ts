// Fault 10 of PhxPaxos. The local write failed after the accept had been sent; the retry used the same ballot with another
// value, and so two values stood under one ballot. The rule: a failed flush throws the replica away, and its successor
// starts above the durable promise, so with another ballot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBallots, formatBallot } from '../../src/core/ballot.js';
import type { Accept } from '../../src/core/message.js';
import { Cluster, type Said } from './cluster.js';
import { count, counter } from './machines.js';

const accepts = (said: readonly Said[], from: string): Accept[] => {
  return said.flatMap(({ from: by, message }) => (by === from && message.type === 'accept' ? [message] : []));
};

for (const when of ['before', 'after'] as const) {
  // Fails when the replica outlives the failed flush: tried.
  test(`the write fails (${when} it reached the disk) after the accept was sent: what is proposed next has a new ballot`, async () => {
    const machine = counter();
    const cluster = await Cluster.start({ machines: (node) => [node === 'a' ? machine : counter()] });
    const { master } = cluster;
    // Its accept reaches nobody, so that it is free to propose another value afterwards.
    cluster.swallow(master);
    const from = cluster.said.length;
    cluster.failNextCommit(master, when);
    const first = cluster.group(master).propose(count('first'), { route: 'local', timeoutMs: 5000 });
    await cluster.run(50);
    const [lost] = accepts(cluster.said.slice(from), master);
    assert.ok(lost, 'the accept was sent before the write failed');
    const failedAt = cluster.said.length;
    await cluster.until('the disk works again', () => cluster.group(master).status().store.available);
    const second = cluster.group(master).propose(count('second'), { route: 'local', timeoutMs: 5000 });
    await cluster.run(500);
    cluster.mend(master);
    await cluster.results([first, second]);
    const later = accepts(cluster.said.slice(failedAt), master);
    assert.ok(later.length > 0);
    for (const each of later) assert.ok(compareBallots(each.ballot, lost.ballot) > 0, formatBallot(each.ballot));
    const values = new Map<string, string>();
    for (const { from: by, message } of cluster.said) {
      if (message.type !== 'accept') continue;
      const key = `${by} ${message.instance} ${formatBallot(message.ballot)}`;
      assert.equal(message.value.id, values.get(key) ?? message.value.id, `two values under ${key}`);
      values.set(key, message.value.id);
    }
    await cluster.run(500);
    assert.equal(new Set(machine.done).size, machine.done.length, 'nothing is executed twice');
  });
}
