// Fault 6 of PhxPaxos. In an idle cluster a node that came (back) heard nothing, and asked only after 2.5 to 3 seconds. The
// rule: both sides ask as soon as a link stands, and that is all it takes. The replicas' part of it is read in
// test/core/transcripts.test.ts; here the nodes' parts are put together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster.js';
import { count, counter } from './machines.js';

// Fails when a new link is not told to the replica: tried.
test('a node that comes back to an idle cluster is level after the first questions and answers', async () => {
  const cluster = await Cluster.start({ machines: () => [counter()] });
  const { master, others } = cluster;
  const [away = ''] = others;
  cluster.kill(away);
  await cluster.results([cluster.group(master).propose(count('while it was away'))]);
  await cluster.run(1000);
  const from = cluster.said.length;
  await cluster.startNode(away);
  await cluster.run(20);
  assert.equal(cluster.group(away).applied, cluster.group(master).applied);
  const said = cluster.said.slice(from);
  assert.equal(said.find((each) => each.from === away && each.to === master)?.message.type, 'ask');
  assert.deepEqual(
    said.filter(({ message }) => message.type !== 'ask' && message.type !== 'teach'),
    [],
    'nobody had to propose anything for it',
  );
});
