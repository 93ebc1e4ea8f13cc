// The checkpointer: writes the group's applied state down now and then, without stopping proposals, and trims the log below
// what is kept. Where machines have shadows these are written in their place (shadows.ts), unless one is lost. A checkpoint
// counts when its blocks and the variable that names it are on disk; only then may the log below it go. Trimming never passes
// the newest checkpoint, what the group has agreed to keep, or what a peer that fetches a checkpoint will need next.
import type { GroupId, InstanceId, Millis } from '../../core/ids.js';
import type { MachineRouter } from '../../machines/router.js';
import { PaxmeshError, storeUnavailable } from '../errors.js';
import type { Applier } from '../log/applier.js';
import type { RecentLog } from '../log/recent-log.js';
import type { LogStore, StoreWrite } from '../log-store.js';
import type { Clock, TraceNote } from '../ports.js';
import { type Checkpoint, checkpointVariable, newName, writeBlocks } from './checkpoint.js';
import { ShadowLost, Shadows } from './shadows.js';

/** A checkpoint by itself after so many instances, or a quarter of what is kept if that is less: a start applies no more. */
const EVERY_INSTANCES_MAX = 25_000;
/** Trims when so much of what is kept lies beyond it, so that trimming costs little per instance. */
const TRIM_SHARE = 20;
/** A checkpoint that took long is not followed by the next at once. */
const REST_FACTOR = 9;
const RETRY_MS = 5000;

export interface CheckpointerOptions {
  readonly group: GroupId;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly router: MachineRouter;
  readonly applier: Applier;
  readonly log: RecentLog;
  /** The group is loaded and the store works. */
  readonly isUp: () => boolean;
  /** First instance that peers under way to a checkpoint of this node will ask for; null: none is. */
  readonly needed: () => InstanceId | null;
  /** Names of checkpoints that peers fetch, or that come in: their blocks stay. */
  readonly inUse: () => ReadonlySet<string>;
  /** Resolves when the write is on disk; rejects when the store failed. */
  readonly write: (write: StoreWrite) => Promise<void>;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #shadows: Shadows;
  #current: Checkpoint | null = null;
  #taking: Promise<Checkpoint> | null = null;
  #trimming = false;
  /** Not by itself before then. */
  #restUntil: Millis = 0;
  /** Counts what makes the one being written worth nothing: the store failed, or another one takes the place of the log. */
  #upsets = 0;
  #closed = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#shadows = new Shadows(options);
  }

  /** The one that counts; null: none was taken yet. */
  get current(): Checkpoint | null {
    return this.#current;
  }

  /** What the store holds. Blocks that no variable names are of an act that did not come to its end. */
  async loaded(current: Checkpoint | null): Promise<void> {
    this.#current = current;
    await this.#clear();
  }

  /**
   * The store failed, or another checkpoint is about to be named. Called before that is written: the variable of the one under
   * way would come after it, and name a state that the log does not reach back to any more.
   */
  upset(): void {
    this.#upsets++;
  }

  /** Another checkpoint was put in place, with the log behind it. */
  async replaced(by: Checkpoint): Promise<void> {
    this.#current = by;
    await this.#clear();
  }

  /** Now, or the one under way. `withinMs`: how long the caller waits; it is written on then. */
  take(withinMs?: Millis): Promise<Checkpoint> {
    const taken = () => (this.#shadows.areThere ? this.#takeFromShadows() : this.#take('machines'));
    this.#taking ??= taken().finally(() => {
      this.#taking = null;
    });
    return withinMs === undefined ? this.#taking : this.#within(this.#taking, withinMs);
  }

  #within(taking: Promise<Checkpoint>, withinMs: Millis): Promise<Checkpoint> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(withinMs, () => {
        reject(new PaxmeshError('proposal-timeout', 'the checkpoint is not written yet; that goes on'));
      });
      const stop = () => timer.cancel();
      taking.then(resolve, reject).finally(stop);
    });
  }

  /** Something was applied, or the retention was changed: is it time to do something? */
  consider(): void {
    const { router, clock, isUp, trace } = this.#options;
    if (this.#closed || !isUp()) return;
    this.#considerTrim();
    const { keepInstances } = router.retention.retention;
    const every = Math.min(EVERY_INSTANCES_MAX, Math.ceil(keepInstances / 4));
    const since = router.applied - (this.#current?.instance ?? -1);
    if (since < every || this.#taking !== null || clock.now() < this.#restUntil) return;
    if (router.unsnapshotted !== null) return;
    const began = clock.now();
    this.take().then(
      () => {
        this.#restUntil = clock.now() + REST_FACTOR * (clock.now() - began);
        this.#considerTrim();
      },
      (error: unknown) => {
        this.#restUntil = clock.now() + RETRY_MS;
        trace({ name: 'checkpoint-failed', level: 'warn', facts: { reason: String(error) } });
      },
    );
  }

  close(): void {
    this.#closed = true;
    this.upset();
  }

  async #takeFromShadows(): Promise<Checkpoint> {
    const upsets = this.#upsets;
    try {
      return await this.#take('shadows');
    } catch (error) {
      if (!(error instanceof ShadowLost)) throw error;
      this.#mustStand(upsets);
      // As it would be without them: the machines are what counts, and the next shadows begin with this checkpoint.
      this.#options.trace({ name: 'shadow-lost', level: 'error', facts: { reason: error.message } });
      return this.#take('machines');
    }
  }

  async #take(from: 'machines' | 'shadows'): Promise<Checkpoint> {
    const { group, store, router, applier, clock, isUp, write, trace } = this.#options;
    const keeper = router.unsnapshotted;
    if (keeper !== null) {
      throw new PaxmeshError(
        'command-rejected',
        `machine ${keeper} has no snapshot, so this group keeps its whole log`,
      );
    }
    if (!isUp()) throw new PaxmeshError('store-unavailable', 'the store cannot be written to now');
    if (applier.halted !== null || applier.isBusy)
      throw new PaxmeshError('halted', applier.halted ?? 'state is being read');
    const instance = router.applied;
    if (instance < 0) throw new PaxmeshError('catching-up', 'nothing was applied here yet');
    if (this.#current?.instance === instance) return this.#current;
    const { chain } = applier;
    const upsets = this.#upsets;
    const name = newName(instance, clock);
    const standIns = from === 'shadows' ? this.#shadows.standIn(this.#current) : null;
    const state = router.capture(standIns?.parts);
    if (standIns !== null) await standIns.bringUp(() => upsets === this.#upsets);
    const { bytes, crc } = await writeBlocks(store, group, name, state);
    this.#mustStand(upsets);
    const takenAt = new Date(clock.wallMs()).toISOString();
    const checkpoint: Checkpoint = { name, instance, chain, crc, bytes, takenAt };
    await write(checkpointVariable(checkpoint)).catch((error: unknown) => {
      throw storeUnavailable(error);
    });
    this.#mustStand(upsets);
    this.#current = checkpoint;
    router.replay?.forgetThrough(instance);
    await this.#clear();
    const how = standIns === null ? {} : { shadow: true };
    trace({ name: 'checkpoint', level: 'info', facts: { instance, bytes, ...how } });
    return checkpoint;
  }

  #mustStand(upsets: number): void {
    if (upsets === this.#upsets) return;
    throw new PaxmeshError(
      'store-unavailable',
      'the store failed, or another checkpoint came in, while it was written',
    );
  }

  /** Drops all blocks but those of the current checkpoint and those in use, which go another time. */
  async #clear(): Promise<void> {
    const { group, store, inUse, trace } = this.#options;
    try {
      for (const name of await store.checkpoints(group)) {
        const stays = name === this.#current?.name || inUse().has(name);
        if (!stays) await store.dropCheckpoint(group, name);
      }
    } catch (error) {
      // Rubbish that stays for another time takes space and nothing else; what counts is not less for it.
      trace({ name: 'clear-failed', level: 'warn', facts: { reason: String(error) } });
    }
  }

  #considerTrim(): void {
    if (this.#trimming || this.#current === null) return;
    const { router, log, isUp, needed } = this.#options;
    const { keepInstances, trimming } = router.retention.retention;
    if (trimming === 'paused') return;
    const kept = Math.min(router.applied + 1 - keepInstances, this.#current.instance + 1);
    const before = Math.min(kept, needed() ?? kept);
    if (before - log.firstKept < Math.ceil(keepInstances / TRIM_SHARE)) return;
    this.#trimming = true;
    this.#trim(before).finally(() => {
      this.#trimming = false;
      // What was applied meanwhile asked in vain, and nothing else may come for a while.
      if (!this.#closed && isUp()) this.#considerTrim();
    });
  }

  async #trim(before: InstanceId): Promise<void> {
    const { group, store, router, log, trace } = this.#options;
    log.beginsAt(before);
    router.forgetBelow(before);
    try {
      await store.trim(group, before);
    } catch (error) {
      // What could not be taken away goes with the next trim; nobody reads it any more.
      trace({ name: 'trim-failed', level: 'warn', facts: { before, reason: String(error) } });
    }
  }
}
