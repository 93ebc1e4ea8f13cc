// Forwards are numbered, and answers name the number. A master's answer to a process that is dead must not be taken for an
// answer to the next one of that node: its caller would be told the place of another call (found in the simulator).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from '../faults/cluster.js';

test('no two lives of a node give a forward the same number', async () => {
  // Tried: with numbers that begin at 0 in every life, this fails.
  const cluster = await Cluster.start();
  const [taker = ''] = cluster.others;
  const numbers = (): number[] =>
    cluster.said.flatMap(({ from, message }) => (from === taker && message.type === 'forward' ? [message.id] : []));
  const propose = async () => {
    const bytes = Buffer.from('v');
    await cluster.result(cluster.group(taker).propose({ machine: 'log', encoding: 'utf8', bytes }));
  };
  for (let i = 0; i < 3; i++) await propose();
  const first = new Set(numbers());
  assert.equal(first.size, 3);
  cluster.kill(taker);
  cluster.said.length = 0;
  await cluster.startNode(taker);
  await cluster.until('it is level', () => cluster.group(taker).applied >= cluster.group(cluster.master).applied);
  for (let i = 0; i < 3; i++) await propose();
  const second = numbers();
  assert.ok(second.length >= 3);
  for (const number of second) assert.ok(!first.has(number), `${number} was given twice`);
});
