// The applier: chosen entries into the machines, in instance order, each command once. A machine that throws halts the
// group on this node: the error shows in the status, the log goes on growing, and the same command is tried again with
// back-off; when it passes, what was missed is read from the log. It never skips. While a snapshot is read nothing is applied.

import { CHAIN_START } from '../../core/chain.js';
import type { Entry } from '../../core/effects.js';
import type { InstanceId, Millis } from '../../core/ids.js';
import { InvariantBroken, invariant } from '../../core/invariant.js';
import { batchTimeMs, unpackBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import { BackupAwaited, type CommandOutcome, type MachineRouter } from '../../machines/router.js';
import type { Clock, Timer } from '../ports.js';
import type { RecentLog } from './recent-log.js';

const RETRY_MS = 500;
const RETRY_MS_MAX = 30_000;
const READ_ENTRIES = 1000;
const READ_BYTES = 4 * 1024 * 1024;

export interface AppliedEntry {
  readonly entry: Entry;
  readonly commands: readonly Command[];
  readonly outcomes: readonly CommandOutcome[];
}

export interface ApplierEvents {
  applied(applied: AppliedEntry): void;
  /** Reason, or null when the group goes on. */
  halted(reason: string | null): void;
  /** A rule is broken: stop the node. */
  fatal(error: unknown): void;
}

export class Applier {
  readonly #router: MachineRouter;
  readonly #log: RecentLog;
  readonly #clock: Clock;
  readonly #events: ApplierEvents;
  #halted: string | null = null;
  #busy = false;
  #chain = CHAIN_START;
  #retryMs: Millis = RETRY_MS;
  #retry: Timer | null = null;
  #closed = false;

  constructor(router: MachineRouter, log: RecentLog, clock: Clock, events: ApplierEvents) {
    this.#router = router;
    this.#log = log;
    this.#clock = clock;
    this.#events = events;
  }

  get applied(): InstanceId {
    return this.#router.applied;
  }

  /** Why the group is halted here; null in health. */
  get halted(): string | null {
    return this.#halted;
  }

  /** A snapshot is being read: nothing is applied meanwhile. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** The chain's checksum after the last applied instance. */
  get chain(): number {
    return this.#chain;
  }

  /** The next chosen entry. While halted or busy it waits in the log. */
  offer(entry: Entry): void {
    if (this.#halted !== null || this.#busy || entry.instance <= this.applied) return;
    try {
      this.#apply(entry);
    } catch (error) {
      if (error instanceof BackupAwaited) void this.pauseFor(async () => {});
      else this.#halt(error);
    }
  }

  /** Does `work` while nothing is applied, and then applies what the log has got meanwhile. */
  async pauseFor(work: () => Promise<void>): Promise<void> {
    invariant(!this.#busy, 'in-order', () => 'two snapshots are read at one time');
    this.#busy = true;
    try {
      await work();
    } finally {
      await this.#goOn();
    }
  }

  /** The state was put in place as it is after an instance, with this checksum. */
  installed(chain: number): void {
    this.#chain = chain;
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  #apply(entry: Entry): void {
    const { bytes } = entry.value;
    const commands = unpackBatch(bytes);
    const outcomes = this.#router.apply(entry.instance, commands, batchTimeMs(bytes));
    this.#chain = entry.chain;
    this.#events.applied({ entry, commands, outcomes });
  }

  /** Applies everything the log holds that was not applied yet, and is ready for what comes next. */
  async #goOn(): Promise<void> {
    this.#retry?.cancel();
    try {
      // What was chosen between the last read and now was offered in vain.
      while (!this.#closed && this.applied < this.#log.lastChosen) await this.#drain();
    } catch (error) {
      this.#busy = false;
      this.#halt(error);
      return;
    }
    this.#busy = false;
    if (this.#halted === null) return;
    this.#halted = null;
    this.#retryMs = RETRY_MS;
    this.#events.halted(null);
  }

  async #drain(): Promise<void> {
    try {
      const entries = await this.#log.read(this.applied + 1, READ_ENTRIES, READ_BYTES);
      if (entries.length === 0) throw new Error('the log does not have it any more');
      for (const entry of entries) this.#apply(entry);
    } catch (error) {
      if (!(error instanceof BackupAwaited)) throw error;
      await this.#router.restoreBackup();
    }
  }

  #halt(error: unknown): void {
    if (error instanceof InvariantBroken) {
      this.#events.fatal(error);
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.#halted = `instance ${this.applied + 1}: ${reason}`;
    this.#events.halted(this.#halted);
    this.#retry = this.#clock.after(this.#retryMs, () => void this.#tryAgain());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  async #tryAgain(): Promise<void> {
    if (this.#closed || this.#busy) return;
    await this.pauseFor(async () => {});
  }
}
