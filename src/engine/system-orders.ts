// The engine's own commands: orders to the members' list and to the lease, and the pushes of alarms. They have an origin of
// their own beside the callers', no bound and no caller, and are dropped when nobody wants them any more before they leave.
import type { Value } from '../core/value.js';
import { packBatch } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import type { Committer } from './committer.js';

export class SystemOrders {
  readonly #origin: string;
  readonly #committer: Committer;
  readonly #arrived: () => void;

  /** `arrived`: something waits in the committer's queue. */
  constructor(origin: string, committer: Committer, arrived: () => void) {
    this.#origin = `${origin}$`;
    this.#committer = committer;
    this.#arrived = arrived;
  }

  /** `wanted` is asked right before the order is sealed. */
  propose(machine: string, order: unknown, wanted: () => boolean): void {
    this.proposeBytes(machine, bytesOf(order), wanted);
  }

  proposeBytes(machine: string, bytes: Uint8Array, wanted: () => boolean): void {
    this.#committer.submitSystem(this.#command(machine, bytes), wanted);
    this.#arrived();
  }

  /** A value that is this order and nothing else, past the queue. */
  valueOf(machine: string, order: unknown): Value {
    const command = this.#command(machine, bytesOf(order));
    return { id: this.#committer.nextValueId(), bytes: packBatch([command]) };
  }

  #command(machine: string, bytes: Uint8Array): Command {
    const id = { origin: this.#origin, sequence: this.#committer.nextSequence() };
    return { id, machine, encoding: 'json', bytes, key: null, ifMaster: null };
  }
}

function bytesOf(order: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(order));
}
