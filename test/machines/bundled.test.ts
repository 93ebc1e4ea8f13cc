import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allMachines } from '../../src/machines/bundled.js';
import { CounterMachine } from '../../src/machines/counter.js';
import { canSnapshot } from '../../src/machines/machine.js';

const own = (name: string) => ({ name, apply: () => ({ result: null }) });

test('every group has kv, lock and counter besides the machines of its user, each with snapshots and a set of its own', () => {
  const machines = allMachines([own('inventory')]);
  assert.deepEqual(
    machines.map(({ name }) => name),
    ['kv', 'lock', 'counter', 'inventory'],
  );
  assert.ok(machines.slice(0, 3).every(canSnapshot));
  assert.notEqual(allMachines([])[2], allMachines([])[2]);
  assert.ok(allMachines([])[2] instanceof CounterMachine);
});

test('a machine of the user with one of these names is refused before anything starts', () => {
  for (const name of ['kv', 'lock', 'counter'])
    assert.throws(() => allMachines([own(name)]), new RegExp(`name ${name} is taken`));
});
