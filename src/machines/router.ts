// The MachineRouter hands each command of a chosen batch to the one machine it names, in order, and says what became of
// it. It owns everything replicated about a group: the machines, the at-most-once table and the idempotency keys. A
// machine that throws halts the router at that command; the next call goes on there, so no command is applied twice.
import type { InstanceId } from '../core/ids.js';
import { invariant } from '../core/invariant.js';
import type { Membership } from '../core/membership.js';
import type { ChangeRefused } from '../core/membership-change.js';
import type { Command } from './command.js';
import { digestOf, IdempotencyTable, type Remembered } from './idempotency.js';
import { logMachine } from './log-machine.js';
import type { StateMachine } from './machine.js';
import { MasterMachine } from './master-machine.js';
import { MembershipMachine } from './membership-machine.js';
import { Once } from './once.js';

/** Why a chosen command changed nothing. `code` is the error code its proposer is answered with. */
export interface NotApplied {
  readonly applied: false;
  readonly code:
    | 'command-rejected'
    | 'precondition-failed'
    | 'idempotency-key-reused'
    | 'duplicate'
    | 'unknown-machine'
    | ChangeRefused['code'];
  readonly reason: string;
}

/** A repeat of an idempotency key: the first answer. */
export interface Replayed {
  readonly applied: false;
  readonly code: 'idempotency-replayed';
  readonly reason: string;
  readonly first: Remembered;
}

export type CommandOutcome = { readonly applied: true; readonly result: unknown } | NotApplied | Replayed;

export class MachineRouter {
  readonly membership: MembershipMachine;
  readonly master = new MasterMachine();
  readonly #machines = new Map<string, StateMachine>();
  readonly #once = new Once();
  readonly #keys = new IdempotencyTable();
  /** Reasons of the commands that were chosen and not applied, by instance and index. Empty for most instances. */
  readonly #notApplied = new Map<InstanceId, Map<number, string>>();
  #applied: InstanceId = -1;
  /** Outcomes of the instance under way, while a machine has thrown in the midst of it. */
  #partial: CommandOutcome[] = [];

  constructor(founding: Membership, machines: readonly StateMachine[]) {
    this.membership = new MembershipMachine(founding);
    for (const machine of [logMachine, this.membership, this.master, ...machines]) {
      invariant(!this.#machines.has(machine.name), 'machine-names', () => `two machines are named ${machine.name}`);
      this.#machines.set(machine.name, machine);
    }
  }

  /** Last instance that was applied whole; -1 before the first. */
  get applied(): InstanceId {
    return this.#applied;
  }

  has(machine: string): boolean {
    return this.#machines.has(machine);
  }

  /** Applies instance `applied + 1`. Throws what a machine throws; call again with the same instance to go on. */
  apply(instance: InstanceId, commands: readonly Command[]): readonly CommandOutcome[] {
    invariant(instance === this.#applied + 1, 'in-order', () => `${instance} applied after ${this.#applied}`);
    const outcomes = this.#partial;
    while (outcomes.length < commands.length) {
      const index = outcomes.length;
      const command = commands[index];
      invariant(command !== undefined, 'in-order', () => `no command at ${instance}.${index}`);
      const outcome = this.#applyOne(command, instance, index);
      if (!outcome.applied) this.#note(instance, index, outcome.reason);
      outcomes.push(outcome);
    }
    this.#partial = [];
    this.#applied = instance;
    return outcomes;
  }

  /** Why the command at this place changed nothing; undefined: it was applied. */
  notApplied(instance: InstanceId, index: number): string | undefined {
    return this.#notApplied.get(instance)?.get(index);
  }

  remembered(key: string): Remembered | undefined {
    return this.#keys.find(key, this.#applied + 1);
  }

  #applyOne(command: Command, instance: InstanceId, index: number): CommandOutcome {
    const machine = this.#machines.get(command.machine);
    if (machine === undefined) {
      // Proposers refuse unknown machines at the door; one that is unknown only here must not be passed over.
      throw new Error(`no machine named ${command.machine} on this node`);
    }
    const digest = command.key === null ? null : digestOf(command);
    if (command.key !== null) {
      const first = this.#keys.find(command.key, instance);
      if (first !== undefined) {
        // The same command again needs no second entry in the at-most-once table: it is answered from this one.
        return first.digest === digest
          ? { applied: false, code: 'idempotency-replayed', reason: 'idempotency key seen before', first }
          : { applied: false, code: 'idempotency-key-reused', reason: 'the key was used for another command' };
      }
    }
    // Orders to the group's own machines, too: the list refuses a repeat by its version, and who is told so believes that
    // nothing was done; an old length of the lease would come back.
    if (!this.#once.isNew(command.id)) return { applied: false, code: 'duplicate', reason: 'proposed again' };
    const holder = this.master.state;
    const outcome: CommandOutcome =
      command.ifMaster !== null && (holder?.node == null || holder.version !== command.ifMaster)
        ? { applied: false, code: 'precondition-failed', reason: `master version is not ${command.ifMaster}` }
        : run(machine, command, instance, index);
    this.#once.add(command.id, instance);
    if (command.key !== null && digest !== null) this.#keys.remember(command.key, { digest, instance, index, outcome });
    return outcome;
  }

  #note(instance: InstanceId, index: number, reason: string): void {
    const reasons = this.#notApplied.get(instance) ?? new Map<number, string>();
    reasons.set(index, reason);
    this.#notApplied.set(instance, reasons);
  }
}

function run(machine: StateMachine, command: Command, instance: InstanceId, index: number): CommandOutcome {
  const answer = machine.apply(command, { instance, index });
  return 'rejected' in answer
    ? { applied: false, code: answer.code ?? 'command-rejected', reason: answer.rejected }
    : { applied: true, result: answer.result };
}
