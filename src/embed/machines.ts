// The user's own machines, given as instances or as functions that make them: one set for each group, checked before anything
// is started. A machine holds a group's state, so no instance ever serves two groups.
import { ConfigError } from '../config.js';
import { allMachines } from '../machines/bundled.js';
import { LOG } from '../machines/log-machine.js';
import type { StateMachine } from '../machines/machine.js';

export type MachineFactory = (group: string) => StateMachine;
export type MachinesOption = readonly (StateMachine | MachineFactory)[];

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Makes them all. Throws ConfigError. */
export function machinesOf(
  groups: readonly string[],
  given: MachinesOption,
): (group: string) => readonly StateMachine[] {
  if (!Array.isArray(given)) refuse('must be a list');
  const seen = new Set<StateMachine>();
  const made = new Map<string, readonly StateMachine[]>();
  for (const group of groups) {
    const machines = given.map((each: StateMachine | MachineFactory): StateMachine => {
      if (typeof each === 'function') return makeOne(each, group);
      if (groups.length > 1) refuse('with several groups, give functions that make a machine for each group');
      return each;
    });
    for (const machine of machines) {
      check(machine);
      if (seen.has(machine)) refuse(`the same ${machine.name} was given twice: each group needs one of its own`);
      seen.add(machine);
    }
    checkNames(machines);
    made.set(group, machines);
  }
  return (group) => made.get(group) ?? [];
}

function makeOne(factory: MachineFactory, group: string): StateMachine {
  if (/^class\b/.test(Function.prototype.toString.call(factory))) {
    refuse(`${factory.name} is a class: give new ${factory.name}(), or () => new ${factory.name}()`);
  }
  return factory(group);
}

function check(machine: StateMachine): void {
  if (typeof machine !== 'object' || machine === null) refuse('must hold state machines, or functions that make them');
  const { name, apply, snapshot, restore, shadow } = machine;
  if (typeof name !== 'string' || !NAME.test(name)) {
    refuse(`a name must be 1 to 63 of a-z, 0-9 and -, and begin with a letter; one is ${JSON.stringify(name)}`);
  }
  if (typeof apply !== 'function') refuse(`${name} has no apply`);
  if ((snapshot === undefined) !== (restore === undefined))
    refuse(`${name} needs both snapshot and restore, or neither`);
  if (shadow === undefined) return;
  if (typeof shadow !== 'function') refuse(`the shadow of ${name} must be a function that makes one`);
  if (snapshot === undefined) refuse(`${name} has a shadow and no snapshot: there is nothing to take from it`);
}

function checkNames(machines: readonly StateMachine[]): void {
  const names = [LOG, ...allMachines([]).map(({ name }) => name)];
  for (const { name } of machines) {
    if (names.includes(name)) refuse(`the name ${name} is taken`);
    names.push(name);
  }
}

function refuse(why: string): never {
  throw new ConfigError(`paxmesh: machines: ${why}`);
}
