// Fault 17 of PhxPaxos. The acceptor changed its memory before it persisted, and kept the change when persisting failed.
// The rule: no answer leaves before its flush, and a failed flush throws the memory away that ran ahead of the disk. (That a
// gid of nothing does not pass for that of a founded group is proved in test/net/handshake.test.ts.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBallots } from '../../src/core/ballot.js';
import { Cluster, type Said } from './cluster.js';
import { count, counter } from './machines.js';

/** What a promise or a vote says must be on the disk of who says it. */
function mustBeOnDisk(cluster: Cluster, { from, message }: Said): void {
  const disk = cluster.disk(from);
  if (message.type === 'promised') {
    assert.ok(disk && compareBallots(disk.promised, message.ballot) >= 0, `${from} promises what it has not saved`);
  }
  if (message.type === 'accepted') {
    const record = disk?.records.get(message.instance);
    assert.ok(record && compareBallots(record.ballot, message.ballot) >= 0, `${from} votes what it has not saved`);
  }
}

for (const when of ['before', 'after'] as const) {
  // Fails when answers do not wait for the flush, and when a failed flush is taken for a good one: tried.
  test(`a voter whose disk fails (${when} the write) says nothing that its disk does not hold, and comes back by itself`, async () => {
    const cluster = await Cluster.start({ machines: () => [counter()] });
    const broken: unknown[] = [];
    cluster.onSaid = (said) => {
      try {
        mustBeOnDisk(cluster, said);
      } catch (error) {
        broken.push(error);
      }
    };
    const { master, others } = cluster;
    const [sick = ''] = others;
    for (let round = 0; round < 5; round++) {
      cluster.failNextCommit(sick, when);
      await cluster.results([cluster.group(master).propose(count(`${round}`))]);
      await cluster.run(10);
      assert.equal(cluster.group(sick).status().store.available, false);
      await cluster.until('the sick node is level again', () => {
        return cluster.group(sick).applied === cluster.group(master).applied;
      });
    }
    assert.deepEqual(broken, []);
    const disk = cluster.disk(sick);
    assert.ok(disk && cluster.disk(master));
    assert.deepEqual(disk.promised, cluster.disk(master)?.promised);
  });
}
