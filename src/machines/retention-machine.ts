// `$retention`: how much of the log the group keeps below its end, and whether it is trimmed at all, as a replicated machine.
// It only remembers; each node trims its own store (src/engine/checkpoints/checkpointer.ts), never beyond its own checkpoint.
import { RETENTION } from './batch.js';
import type { Command } from './command.js';
import type { Applied, StateMachine } from './machine.js';

export interface Retention {
  /** Instances kept below the end, at least KEEP_INSTANCES_MIN. */
  readonly keepInstances: number;
  readonly trimming: 'running' | 'paused';
}

export const KEEP_INSTANCES_MIN = 300;
const KEEP_INSTANCES_DEFAULT = 1_000_000;

export class RetentionMachine implements StateMachine {
  readonly name = RETENTION;
  readonly #keepInstancesMin: number;
  #retention: Retention = { keepInstances: KEEP_INSTANCES_DEFAULT, trimming: 'running' };

  /** Another minimum is for simulations: their logs are short. */
  constructor(keepInstancesMin: number = KEEP_INSTANCES_MIN) {
    this.#keepInstancesMin = keepInstancesMin;
  }

  get retention(): Retention {
    return this.#retention;
  }

  apply(command: Command): Applied {
    const order = JSON.parse(Buffer.from(command.bytes).toString('utf8')) as Partial<Retention>;
    const { keepInstances = this.#retention.keepInstances, trimming = this.#retention.trimming } = order;
    const least = this.#keepInstancesMin;
    if (keepInstances < least) return { rejected: `at least ${least} instances are kept` };
    this.#retention = { keepInstances, trimming };
    return { result: this.#retention };
  }

  restored(retention: Retention): void {
    this.#retention = retention;
  }
}
