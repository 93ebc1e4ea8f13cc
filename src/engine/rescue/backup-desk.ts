// A group's backup, out and in. Out: all of its state as of one instance, read while the group goes on. In: through the log, part
// by part, so that every node of the new cluster has the same state from the same instance on; the last command switches, and
// until then nobody sees anything. Only a group that was never used takes one.
import type { InstanceId, Millis } from '../../core/ids.js';
import { RESTORE } from '../../machines/batch.js';
import { restorePart } from '../../machines/restore-machine.js';
import type { MachineRouter } from '../../machines/router.js';
import { PaxmeshError } from '../errors.js';
import type { Applier } from '../log/applier.js';
import type { Intake } from '../proposals/intake.js';

/** Of a part; less when values may not be that large. */
const PART_BYTES = 512 * 1024;
/** A part that nobody knows the outcome of is said again: saying it twice does no harm. */
const TRIES_MAX = 5;
/** The switch is answered when all of the state was read anew. */
const SWITCH_MS: Millis = 60_000;

export interface GroupBackup {
  readonly gid: string | null;
  /** The last instance inside it. */
  readonly instanceId: InstanceId;
  /** The chain's checksum after that instance. */
  readonly chain: number;
  /** The machines inside it. */
  readonly machines: readonly string[];
  readonly stream: AsyncIterable<Uint8Array>;
}

/** A backup on its way into a group. */
export interface GroupRestore {
  /** Hands the backup's bytes to every node. Nobody sees anything of them. */
  take(stream: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Puts what was taken in place, and answers the instance from which on it is there. Throws precondition-failed when the group
   * was used meanwhile, command-rejected when the backup is damaged: nothing has changed then.
   */
  complete(): Promise<InstanceId>;
  /** Has every node forget what was taken. */
  abandon(): Promise<void>;
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

  /** Machines that a backup of this group holds, and that it can take back. */
  get machines(): readonly string[] {
    return [...this.#options.router.machines].map(({ name }) => name).filter((name) => !name.startsWith('$'));
  }

  /** As of now. Throws halted, and command-rejected when a machine cannot be written down. */
  backup(): GroupBackup {
    const { router, applier, gid } = this.#options;
    const keeper = router.unsnapshotted;
    if (keeper !== null) throw new PaxmeshError('command-rejected', `machine ${keeper} has no snapshot`);
    if (applier.halted !== null || applier.isBusy)
      throw new PaxmeshError('halted', applier.halted ?? 'state is being read');
    const { machines } = this;
    return { gid: gid(), instanceId: router.applied, chain: applier.chain, machines, stream: router.capture() };
  }

  /** Throws precondition-failed when the group was used before. */
  async beginRestore(): Promise<GroupRestore> {
    const { newId, valueBytesMax } = this.#options;
    const id = newId();
    await this.#order({ op: 'begin', id });
    const bytesMax = Math.min(PART_BYTES, Math.floor(valueBytesMax / 2));
    let parts = 0;
    return {
      take: async (stream) => {
        for await (const part of inParts(stream, bytesMax)) {
          await this.#say({ encoding: 'base64', bytes: restorePart(id, parts++, part) });
        }
      },
      complete: () => this.#order({ op: 'switch', id, parts }, SWITCH_MS),
      abandon: async () => {
        await this.#order({ op: 'begin', id: newId() });
      },
    };
  }

  #order(order: unknown, timeoutMs?: Millis): Promise<InstanceId> {
    return this.#say({ encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) }, timeoutMs);
  }

  async #say(
    draft: { readonly encoding: 'json' | 'base64'; readonly bytes: Uint8Array },
    timeoutMs?: Millis,
  ): Promise<InstanceId> {
    let isUncertain = false;
    for (let tries = 1; ; tries++) {
      try {
        return (await this.#options.intake.command({ machine: RESTORE, ...draft }, timeoutMs)).instanceId;
      } catch (error) {
        if (!(error instanceof PaxmeshError)) throw error;
        isUncertain ||= error.outcome !== 'none';
        if (error.retryable && tries < TRIES_MAX) continue;
        // An earlier try may have come through, and be the reason why this one does not.
        throw isUncertain
          ? new PaxmeshError(error.code, error.message, { outcome: 'unknown', facts: error.facts })
          : error;
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
