// Fault 7 of PhxPaxos. The lock around a proposal was unfair: of 100 callers the lucky waited 0.35 ms, the unlucky seconds.
// The rule: one queue, first come, first served, also for what was outbid and comes round again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Committed } from '../../src/engine/views.js';
import { Cluster } from './cluster.js';
import { count, counter } from './machines.js';

const CALLS = 400;
/** So large that the calls take many values. */
const BYTES = 20_000;

const place = ({ instanceId, index }: Committed) => instanceId * 1e6 + index;

// Fails when what is left over, or what was outbid, is put back at the end of the queue: tried.
test('calls of one node are executed in the order they came, although another node outbids it all the time', async () => {
  const cluster = await Cluster.start({ machines: () => [counter()] });
  const [one = '', other = ''] = cluster.others;
  const order: number[] = [];
  const calls = Array.from({ length: CALLS }, async (_, number) => {
    const answer = await cluster
      .group(one)
      .propose(count(`${number}`.padEnd(BYTES)), { route: 'local', timeoutMs: 9000 });
    order.push(number);
    return answer;
  });
  const rivals = [];
  for (let round = 0; round < 10; round++) {
    rivals.push(cluster.group(other).propose(count(`rival ${round}`), { route: 'local', timeoutMs: 9000 }));
    await cluster.run(1);
  }
  const answers = await cluster.results(calls);
  await cluster.results(rivals);
  const places = answers.map(place);
  assert.deepEqual(
    places,
    [...places].sort((first, second) => first - second),
  );
  assert.ok(new Set(answers.map(({ instanceId }) => instanceId)).size >= 5, 'they took several values');
  assert.deepEqual(
    order,
    Array.from({ length: CALLS }, (_, number) => number),
    'and were answered in that order',
  );
});
