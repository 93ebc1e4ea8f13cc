// The engine's own commands: orders to the members' list and to the lease, and the pushes of alarms. They have an origin of
// their own beside the callers', no bound and no caller, and are dropped when nobody wants them any more before they leave.
import type { Value } from '../core/value.js';
import { packBatch } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import type { Draft } from '../machines/machine.js';
import type { Committer } from './proposals/committer.js';

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
    this.proposeDraft(machine, asJson(order), wanted);
  }

  proposeDraft(machine: string, draft: Draft, wanted: () => boolean): void {
    this.#committer.submitSystem(this.#command(machine, draft), wanted);
    this.#arrived();
  }

  /** A value that is this order and nothing else, past the queue. */
  valueOf(machine: string, order: unknown): Value {
    const command = this.#command(machine, asJson(order));
    return { id: this.#committer.nextValueId(), bytes: packBatch([command]) };
  }

  #command(machine: string, { encoding, bytes }: Draft): Command {
    const id = { origin: this.#origin, sequence: this.#committer.nextSequence() };
    return { id, machine, encoding, bytes, key: null, ifMaster: null };
  }
}

function asJson(order: unknown): Draft {
  return { encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) };
}
