// What reads may answer. The log is the witness: whoever begins a call knows of everything that was acknowledged before, so a
// linearizable answer stands at that instance or later, a write lands behind it, and every answer is what the log says was
// there at its instance. Invariant: linearizable.
import type { InstanceId } from '../../core/ids.js';
import type { ReadAnswer } from '../../engine/views.js';
import { demand } from '../violation.js';
import type { CallBook } from './call-book.js';
import type { LogWitness } from './log-model.js';
import { STATE_MACHINES, type StateMachineName, shownAnswer } from './machines-model.js';

export interface ReadClaim {
  readonly where: string;
  readonly machine: StateMachineName;
  readonly name: string;
  /** The floor when it began. */
  readonly floor: InstanceId;
  readonly minInstance: InstanceId;
}

export class ReadBook {
  readonly #witness: LogWitness;
  readonly #calls: CallBook;

  constructor(witness: LogWitness, calls: CallBook) {
    this.#witness = witness;
    this.#calls = calls;
  }

  get floor(): InstanceId {
    return this.#calls.floorOf(this.#witness.group);
  }

  /** `holds`: the node that answers believes at this moment that it holds the lease. */
  answered(claim: ReadClaim, { read, instanceId, answer }: ReadAnswer, holds: boolean): void {
    const { where, floor, minInstance } = claim;
    demand(read !== 'linearizable' || instanceId >= floor, 'linearizable', () => {
      return `${where}: answered as of ${instanceId}, when ${floor} was acknowledged before it was asked`;
    });
    demand(read !== 'lease' || holds, 'linearizable', () => `${where}: answered under a lease that is not held`);
    demand(
      instanceId >= minInstance,
      'linearizable',
      () => `${where}: answered as of ${instanceId}, not ${minInstance}`,
    );
    this.holds(claim, instanceId, answer);
    if (read === 'linearizable') this.#calls.told(this.#witness.group, instanceId);
  }

  /** What a machine shows after an instance. */
  holds(
    { where, machine, name }: Omit<ReadClaim, 'floor' | 'minInstance'>,
    instance: InstanceId,
    answer: unknown,
  ): void {
    const { model } = this.#witness;
    demand(
      instance < model.instances,
      'linearizable',
      () => `${where}: answered as of ${instance}, which is not chosen`,
    );
    const due = model.machines.shown(machine, name, instance);
    const shown = shownAnswer(machine, answer);
    demand(
      shown === due,
      'linearizable',
      () => `${where}: ${machine} ${name} after ${instance} is ${due}, not ${shown}`,
    );
  }

  /** All that can be asked about. */
  get things(): readonly (readonly [StateMachineName, string])[] {
    const { machines } = this.#witness.model;
    return STATE_MACHINES.flatMap((machine) => machines.names(machine).map((name) => [machine, name] as const));
  }
}
