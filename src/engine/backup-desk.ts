// A group's backup, out and in. Out: all of its state as of one instance, read while the group goes on. In: through the log, part
// by part, so that every node of the new cluster has the same state from the same instance on; the last command switches, and
// until then nobody sees anything. Only a group that was never used takes one.
import type { InstanceId } from '../core/ids.js';
import { RESTORE } from '../machines/batch.js';
import { restorePart } from '../machines/restore-machine.js';
import type { MachineRouter } from '../machines/router.js';
import type { Applier } from './applier.js';
import { PaxmeshError } from './errors.js';
import type { Intake } from './intake.js';

/** Of a part; less when values may not be that large. */
const PART_BYTES = 512 * 1024;
/** A part that nobody knows the outcome of is said again: saying it twice does no harm. */
const TRIES_MAX = 5;

export interface GroupBackup {
  readonly gid: string | null;
  /** The last instance inside it. */
  readonly instanceId: InstanceId;
  /** The chain's checksum after that instance. */
  readonly chain: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

export interface BackupDeskOptions {
  readonly router: MachineRouter;
  readonly applier: Applier;
  readonly intake: Intake;
  readonly gid: () => string | null;
  readonly valueBytesMax: number;
  /** A name that no other restore of this group has. */
  readonly newId: () => string;
}

export class BackupDesk {
  readonly #options: BackupDeskOptions;

  constructor(options: BackupDeskOptions) {
    this.#options = options;
  }

  /** As of now. Throws halted, and command-rejected when a machine cannot be written down. */
  backup(): GroupBackup {
    const { router, applier, gid } = this.#options;
    const keeper = router.unsnapshotted;
    if (keeper !== null) throw new PaxmeshError('command-rejected', `machine ${keeper} has no snapshot`);
    if (applier.halted !== null || applier.isBusy)
      throw new PaxmeshError('halted', applier.halted ?? 'state is being read');
    return { gid: gid(), instanceId: router.applied, chain: applier.chain, stream: router.capture() };
  }

  /**
   * Throws precondition-failed when the group was used before, command-rejected when the backup is damaged: nothing has
   * changed then. Answers the instance from which on the group has the backup's state.
   */
  async restore(stream: AsyncIterable<Uint8Array>): Promise<InstanceId> {
    const { newId, valueBytesMax } = this.#options;
    const id = newId();
    await this.#order({ op: 'begin', id });
    let parts = 0;
    for await (const part of inParts(stream, Math.min(PART_BYTES, Math.floor(valueBytesMax / 2)))) {
      await this.#say({ encoding: 'base64', bytes: restorePart(id, parts++, part) });
    }
    return this.#order({ op: 'switch', id, parts });
  }

  #order(order: unknown): Promise<InstanceId> {
    return this.#say({ encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) });
  }

  async #say(draft: { readonly encoding: 'json' | 'base64'; readonly bytes: Uint8Array }): Promise<InstanceId> {
    for (let tries = 1; ; tries++) {
      try {
        return (await this.#options.intake.command({ machine: RESTORE, ...draft }, undefined)).instanceId;
      } catch (error) {
        const isWorthIt = error instanceof PaxmeshError && error.retryable && tries < TRIES_MAX;
        if (!isWorthIt) throw error;
      }
    }
  }
}

async function* inParts(stream: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + bytesMax - bytes);
      held.push(taken);
      bytes += taken.length;
      at += taken.length;
      if (bytes < bytesMax) continue;
      yield Buffer.concat(held);
      held = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(held);
}
