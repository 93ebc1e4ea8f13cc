// The applier: chosen entries into the machines, in instance order, each command once. A machine that throws halts the
// group on this node: the error shows in the status, the log goes on growing, and the same command is tried again with
// back-off; when it passes, what was missed is read from the log. It never skips.
import type { Entry } from '../core/effects.js';
import type { InstanceId, Millis } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import { unpackBatch } from '../machines/batch.js';
import type { Command } from '../machines/command.js';
import type { CommandOutcome, MachineRouter } from '../machines/router.js';
import type { Clock, Timer } from './ports.js';
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

  /** The next chosen entry. While halted it waits in the log. */
  offer(entry: Entry): void {
    if (this.#halted !== null) return;
    try {
      this.#apply(entry);
    } catch (error) {
      this.#halt(error);
    }
  }

  /** Applies everything the log holds that was not applied yet: at start, and after a halt. */
  async catchUp(): Promise<void> {
    while (!this.#closed && this.applied < this.#log.lastChosen) {
      const entries = await this.#log.read(this.applied + 1, READ_ENTRIES, READ_BYTES);
      for (const entry of entries) this.#apply(entry);
    }
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  #apply(entry: Entry): void {
    const commands = unpackBatch(entry.value.bytes);
    const outcomes = this.#router.apply(entry.instance, commands);
    this.#events.applied({ entry, commands, outcomes });
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
    if (this.#closed) return;
    try {
      await this.catchUp();
    } catch (error) {
      this.#halt(error);
      return;
    }
    this.#halted = null;
    this.#retryMs = RETRY_MS;
    this.#events.halted(null);
  }
}
