// The shadows of a group: second copies of the machines that offer one (StateMachine.shadow), for checkpoints that leave the
// machines themselves alone. They stand still until a checkpoint is due; then they are brought up from the log to the very
// instance it is of, a slice at a time, and are written down in the machines' place. Where they are not there yet they begin
// with the last checkpoint, or empty with the first instance. They never decide anything: each is given exactly what its
// machine was given, and is compared with it. When anything is wrong with one, all are let go of (ShadowLost).
import type { Entry } from '../../core/effects.js';
import type { GroupId, InstanceId } from '../../core/ids.js';
import { unpackBatch } from '../../machines/batch.js';
import type { StandIns } from '../../machines/group-snapshot.js';
import { canSnapshot, type StateMachine } from '../../machines/machine.js';
import type { ReplayNotes } from '../../machines/replay-notes.js';
import type { MachineRouter } from '../../machines/router.js';
import { readSections } from '../../machines/sections.js';
import type { RecentLog } from '../log/recent-log.js';
import type { LogStore } from '../log-store.js';
import type { Clock } from '../ports.js';
import { type Checkpoint, readBlocks } from './checkpoint.js';

/** Applied in one go; then everything else has its turn. */
const SLICE_MS = 3;
const SLICE_COMMANDS = 500;
const READ_ENTRIES = 200;
const READ_BYTES = 1024 * 1024;

export interface ShadowsOptions {
  readonly group: GroupId;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly router: MachineRouter;
  readonly log: RecentLog;
}

/** No checkpoint comes from the shadows now. Nothing else is the worse for it. */
export class ShadowLost extends Error {
  override readonly name = 'ShadowLost';
}

/** The shadows for one checkpoint. */
export interface Substitutes {
  /** To be read when they were brought up. */
  readonly parts: StandIns;
  /** To the instance that was the last applied one when they were called for. Throws ShadowLost, as reading the parts does. */
  bringUp(isWanted: () => boolean): Promise<void>;
}

interface Held {
  readonly machines: ReadonlyMap<string, StateMachine>;
  /** The last instance that was applied to them whole. */
  at: InstanceId;
}

export class Shadows {
  readonly #options: ShadowsOptions;
  readonly #notes: ReplayNotes | null;
  readonly #originals: readonly StateMachine[];
  #held: Held | null = null;

  constructor(options: ShadowsOptions) {
    const { router } = options;
    this.#options = options;
    this.#notes = router.replay;
    this.#originals = this.#notes === null ? [] : [...router.machines].filter(({ shadow }) => shadow !== undefined);
  }

  /** Whether any machine has one. */
  get areThere(): boolean {
    return this.#originals.length > 0;
  }

  /**
   * Called between two instances, while `current` is the newest checkpoint. null: there is nothing to begin with from which the
   * log leads here, as after a backup was restored.
   */
  standIn(current: Checkpoint | null): Substitutes | null {
    if (this.#held !== null && !this.#leadsOnAfter(this.#held.at)) this.#held = null;
    if (this.#held === null && !this.#leadsOnAfter(current?.instance ?? -1)) return null;
    const through = this.#options.router.applied;
    const digests = new Map(this.#originals.map((machine) => [machine.name, digestOf(machine)]));
    return {
      parts: new Map(this.#originals.map(({ name }) => [name, this.#partsOf(name)])),
      bringUp: async (isWanted) => {
        try {
          this.#held ??= await this.#made(current);
          await this.#feed(this.#held, through, isWanted);
          mustAgree(this.#held, digests);
        } catch (error) {
          throw this.#lost(error);
        }
      },
    };
  }

  /** What comes after this instance is in the log, and its notes are there. */
  #leadsOnAfter(instance: InstanceId): boolean {
    return this.#notes !== null && instance >= this.#notes.since && instance + 1 >= this.#options.log.firstKept;
  }

  async #made(current: Checkpoint | null): Promise<Held> {
    const machines = new Map(this.#originals.map((machine) => [machine.name, shadowOf(machine)]));
    if (current === null) return { machines, at: -1 };
    const { store, group } = this.#options;
    const acts: (() => void)[] = [];
    for await (const { name, parts } of readSections(readBlocks(store, group, current.name, current))) {
      const act = await machines.get(name)?.restore?.(parts, 'checkpoint');
      if (act !== undefined) acts.push(act);
    }
    for (const act of acts) act();
    return { machines, at: current.instance };
  }

  async #feed(held: Held, through: InstanceId, isWanted: () => boolean): Promise<void> {
    const slices = new Slices(this.#options.clock);
    while (held.at < through) {
      const entries = await this.#options.log.read(held.at + 1, READ_ENTRIES, READ_BYTES);
      if (entries.length === 0) throw new Error(`the log does not have instance ${held.at + 1} any more`);
      for (const entry of entries) {
        if (held.at === through) return;
        if (!isWanted()) throw new Error('it is not wanted any more');
        await this.#apply(held.machines, entry, slices);
        held.at = entry.instance;
      }
    }
  }

  async #apply(machines: ReadonlyMap<string, StateMachine>, { instance, value }: Entry, slices: Slices): Promise<void> {
    const timeMs = this.#notes?.timeMsOf(instance);
    if (timeMs === undefined) throw new Error(`another state was put in place after instance ${instance}`);
    for (const [index, command] of unpackBatch(value.bytes).entries()) {
      if (slices.isOver()) await slices.next();
      const machine = machines.get(command.machine);
      if (machine === undefined || this.#notes?.wasWithheld(instance, index)) continue;
      const answer = machine.apply(command, { instance, index, timeMs });
      const refusal = 'rejected' in answer ? answer.rejected : undefined;
      if (refusal === this.#options.router.notApplied(instance, index)) continue;
      throw new Error(`the shadow of ${command.machine} does not agree about the command at ${instance}.${index}`);
    }
  }

  /** Nothing is applied to them while this is read: there is no hold to take. */
  async *#partsOf(name: string): AsyncGenerator<Uint8Array> {
    try {
      const parts = this.#held?.machines.get(name)?.snapshot?.();
      if (parts === undefined) throw new Error(`the shadow of ${name} is gone`);
      yield* parts;
    } catch (error) {
      throw this.#lost(error);
    }
  }

  /** In the midst of an instance, maybe: they are no state of any. */
  #lost(error: unknown): ShadowLost {
    this.#held = null;
    return new ShadowLost(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Turns of the event loop that are never held for long. */
class Slices {
  readonly #clock: Clock;
  #beganAt: number;
  #left = SLICE_COMMANDS;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAt = clock.now();
  }

  /** Asked before each piece of work. */
  isOver(): boolean {
    return this.#left-- <= 0 || this.#clock.now() - this.#beganAt >= SLICE_MS;
  }

  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    this.#beganAt = this.#clock.now();
    this.#left = SLICE_COMMANDS;
  }
}

function shadowOf(machine: StateMachine): StateMachine {
  const shadow = machine.shadow?.();
  const isUsable = shadow !== undefined && shadow !== machine && canSnapshot(shadow);
  if (!isUsable) throw new Error(`what ${machine.name} gave is no shadow of it`);
  return shadow;
}

function mustAgree({ machines }: Held, digests: ReadonlyMap<string, number | null>): void {
  for (const [name, machine] of machines) {
    const [mine, theirs] = [digestOf(machine), digests.get(name) ?? null];
    if (mine === null || theirs === null || mine === theirs) continue;
    throw new Error(`the shadow of ${name} has come to another state than ${name}: ${mine}, not ${theirs}`);
  }
}

/** null: it has none to offer. One that cannot sum itself up is not compared, as between nodes. */
function digestOf(machine: StateMachine): number | null {
  try {
    return machine.digest?.() ?? null;
  } catch {
    return null;
  }
}
