// The machines that every group has besides `log`: a fresh set for one group.
import { CounterMachine } from './counter.js';
import { KvMachine } from './kv.js';
import { LockMachine } from './lock.js';
import type { StateMachine } from './machine.js';

/** With the user's own behind them. Throws when a name is taken. */
export function allMachines(own: readonly StateMachine[]): readonly StateMachine[] {
  const bundled = [new KvMachine(), new LockMachine(), new CounterMachine()];
  const taken = own.find(({ name }) => bundled.some((machine) => machine.name === name));
  if (taken !== undefined)
    throw new Error(`the name ${taken.name} is taken: every group has a machine of that name already`);
  return [...bundled, ...own];
}
