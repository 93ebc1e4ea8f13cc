// Who may propose by itself, which `route: local` asks for: voters. An observer hands proposals on, and says at once that it
// makes none. Tried: without the refusal in intake.ts the call waits for its deadline and ends with `overloaded`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import { Cluster } from '../faults/cluster.js';
import { count, counter } from '../faults/machines.js';

test('an observer hands proposals on and refuses to make them; a voter makes them', async () => {
  const cluster = await Cluster.start({ machines: () => [counter()] });
  await cluster.join('d');
  const { master } = cluster;
  await cluster.results([cluster.group(master).addMember({ id: 'd', url: 'http://d', role: 'observer' })]);
  const d = cluster.group('d');
  await cluster.until('d has learned it', () => d.applied === cluster.group(master).applied);
  const refused: string[] = [];
  d.propose(count('refused'), { route: 'local' }).catch(({ code, outcome }: PaxmeshError) =>
    refused.push(code, outcome),
  );
  await cluster.run(1);
  assert.deepEqual(refused, ['not-a-member', 'none']);
  await cluster.results([d.propose(count('handed on'))]);
  await cluster.results([cluster.group(master).updateMember('d', { role: 'voter' })]);
  await cluster.until('d votes', () => d.membersView().members.some(({ id, role }) => id === 'd' && role === 'voter'));
  await cluster.results([d.propose(count('made'), { route: 'local' })]);
});
