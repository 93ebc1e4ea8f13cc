// The MachineRouter hands each command of a chosen batch to the one machine it names, in order, and says what became of
// it. It owns everything replicated about a group: the machines and the tables. A machine that throws halts the router at
// that command; the next call goes on there, so no command is applied twice. What it holds can be captured between two
// instances and restored elsewhere (group-snapshot.ts).
import { crc32 } from 'node:zlib';
import type { InstanceId, Millis } from '../core/ids.js';
import { invariant } from '../core/invariant.js';
import type { Membership } from '../core/membership.js';
import { RESTORE } from './batch.js';
import type { Command } from './command.js';
import { captureGroup, type PreparedState, prepareBackup, prepareGroup, type StandIns } from './group-snapshot.js';
import { digestOf, type Remembered } from './idempotency.js';
import { logMachine } from './log-machine.js';
import { type ApplyContext, canSnapshot, type Rejected, type StateMachine } from './machine.js';
import { MasterMachine } from './master-machine.js';
import { MembershipMachine } from './membership-machine.js';
import { ReplayNotes } from './replay-notes.js';
import { RestoreMachine } from './restore-machine.js';
import { RetentionMachine } from './retention-machine.js';
import { SnapshotDamaged } from './sections.js';
import { Tables } from './tables.js';

/** Why a chosen command changed nothing. `code` is the error code its proposer is answered with. */
export interface NotApplied {
  readonly applied: false;
  readonly code:
    | 'command-rejected'
    | 'precondition-failed'
    | 'idempotency-key-reused'
    | 'duplicate'
    | 'unknown-machine'
    | NonNullable<Rejected['code']>;
  readonly reason: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** A repeat of an idempotency key: the first answer. */
export interface Replayed {
  readonly applied: false;
  readonly code: 'idempotency-replayed';
  readonly reason: string;
  readonly first: Remembered;
}

export type CommandOutcome = { readonly applied: true; readonly result: unknown } | NotApplied | Replayed;

/** `apply` has come to a command that puts a backup in place: call `restoreBackup`, then `apply` again. */
export class BackupAwaited extends Error {
  override readonly name = 'BackupAwaited';
}

export class MachineRouter {
  readonly membership: MembershipMachine;
  readonly master = new MasterMachine();
  readonly retention: RetentionMachine;
  readonly restore: RestoreMachine;
  /** For the shadows of the machines; null: none has one, or there is no checkpoint that one could be for. */
  readonly replay: ReplayNotes | null;
  readonly #machines = new Map<string, StateMachine>();
  #tables = new Tables();
  #applied: InstanceId = -1;
  /** Outcomes of the instance under way, while a machine has thrown in the midst of it. */
  #partial: CommandOutcome[] = [];
  /** The parts of the backup that `apply` has come to. */
  #awaited: readonly Uint8Array[] | null = null;
  /** That backup when it was read: it waits for its command. */
  #backup: PreparedState | null = null;
  /** Why that backup cannot be read. */
  #unreadable: string | null = null;

  constructor(founding: Membership, machines: readonly StateMachine[], keepInstancesMin?: number) {
    this.retention = new RetentionMachine(keepInstancesMin);
    this.membership = new MembershipMachine(founding);
    this.restore = new RestoreMachine(() => this.#tables.used);
    const reserved: readonly StateMachine[] = [this.membership, this.master, this.retention, this.restore];
    for (const machine of [logMachine, ...reserved, ...machines]) {
      invariant(!this.#machines.has(machine.name), 'machine-names', () => `two machines are named ${machine.name}`);
      this.#machines.set(machine.name, machine);
    }
    const hasShadow = machines.some(({ shadow }) => shadow !== undefined);
    this.replay = hasShadow && this.unsnapshotted === null ? new ReplayNotes() : null;
  }

  /** Last instance that was applied whole; -1 before the first. */
  get applied(): InstanceId {
    return this.#applied;
  }

  /** The group's time as of the last applied instance. */
  get timeMs(): Millis {
    return this.#tables.timeMs;
  }

  /** Between two instances: a command that threw must be done with before the state means anything. */
  get isWhole(): boolean {
    return this.#partial.length === 0;
  }

  get machines(): Iterable<StateMachine> {
    return this.#machines.values();
  }

  has(machine: string): boolean {
    return this.#machines.has(machine);
  }

  machine(name: string): StateMachine | undefined {
    return this.#machines.get(name);
  }

  /**
   * Applies instance `applied + 1`, sealed at the group's time `timeMs` (0 says nothing of it). Throws what a machine throws; call again with the
   * same instance to go on.
   */
  apply(instance: InstanceId, commands: readonly Command[], timeMs: Millis = 0): readonly CommandOutcome[] {
    invariant(instance === this.#applied + 1, 'in-order', () => `${instance} applied after ${this.#applied}`);
    this.#tables.timeMs = Math.max(this.#tables.timeMs, timeMs);
    const outcomes = this.#partial;
    while (outcomes.length < commands.length) {
      const index = outcomes.length;
      const command = commands[index];
      invariant(command !== undefined, 'in-order', () => `no command at ${instance}.${index}`);
      const outcome = this.#applyOne(command, instance, index);
      if (!outcome.applied) this.#tables.note(instance, index, outcome.reason);
      outcomes.push(outcome);
    }
    this.#partial = [];
    this.#applied = instance;
    this.replay?.applied(instance, this.#tables.timeMs);
    return outcomes;
  }

  /** Why the command at this place changed nothing; undefined: it was applied. */
  notApplied(instance: InstanceId, index: number): string | undefined {
    return this.#tables.notApplied(instance, index);
  }

  /** The log no longer holds what is below. */
  forgetBelow(instance: InstanceId): void {
    this.#tables.forgetBelow(instance);
  }

  remembered(key: string): Remembered | undefined {
    return this.#tables.keys.find(key, this.#applied + 1);
  }

  /** A machine without a snapshot; null: all of them have one. */
  get unsnapshotted(): string | null {
    for (const machine of this.#machines.values()) {
      if (!machine.name.startsWith('$') && !canSnapshot(machine)) return machine.name;
    }
    return null;
  }

  /** A number that is equal on nodes with equal state after the same instance: machines that offer a digest, and the tables. */
  digest(): number {
    const { timeMs, used, keys } = this.#tables;
    const facts = [this.#applied, timeMs, used, keys.size, this.membership.membership, this.master.state];
    let sum = crc32(JSON.stringify(facts));
    for (const machine of this.#machines.values()) {
      const digest = machine.digest?.() ?? null;
      if (digest !== null) sum = crc32(`${machine.name}:${digest}`, sum);
    }
    return sum;
  }

  /**
   * All of the state as of instance `applied`, taken hold of at the call and written out as it is read. `standIns`: by name,
   * what is written for machines that are not to be asked; it must be of the same instance when it is read.
   */
  capture(standIns?: StandIns): AsyncIterable<Uint8Array> {
    invariant(this.isWhole, 'same-state', () => `captured in the midst of instance ${this.#applied + 1}`);
    return captureGroup(this, this.#tables, standIns);
  }

  /**
   * Reads the state captured after `instance` beside the present one. The act that is answered switches to it; until then
   * nothing has changed. Throws SnapshotDamaged, and what a machine's `restore` throws.
   */
  async prepare(instance: InstanceId, stream: AsyncIterable<Uint8Array>): Promise<() => void> {
    const prepared = await prepareGroup(this, stream);
    return () => {
      invariant(instance > this.#applied, 'in-order', () => `a checkpoint of ${instance} after ${this.#applied}`);
      prepared.act();
      this.#tables = prepared.tables;
      this.#partial = [];
      // One that was read for an instance that lies behind now.
      this.#backup = null;
      this.#awaited = null;
      this.#unreadable = null;
      this.#applied = instance;
      this.replay?.beginAfter(instance);
    };
  }

  /**
   * Reads the backup that `apply` has come to (BackupAwaited). One that is damaged is so on every node: its command will be
   * rejected. Throws what a machine's `restore` throws.
   */
  async restoreBackup(): Promise<void> {
    invariant(this.#awaited !== null, 'in-order', () => 'no backup is awaited');
    try {
      this.#backup = await prepareBackup(this, this.#awaited);
    } catch (error) {
      if (!(error instanceof SnapshotDamaged)) throw error;
      this.#unreadable = error.message;
    }
  }

  #applyOne(command: Command, instance: InstanceId, index: number): CommandOutcome {
    const machine = this.#machines.get(command.machine);
    if (machine === undefined) {
      // Proposers refuse unknown machines at the door; one that is unknown only here must not be passed over.
      throw new Error(`no machine named ${command.machine} on this node`);
    }
    const tables = this.#tables;
    const { timeMs } = tables;
    const digest = command.key === null ? null : digestOf(command);
    const repeat = this.#repeatOf(command, digest, instance);
    const isOutdated = command.ifMaster !== null && !this.#holdsLease(command.ifMaster);
    if (repeat !== null || isOutdated) this.replay?.withhold(instance, index);
    if (repeat !== null) return repeat;
    const outcome: CommandOutcome = isOutdated
      ? { applied: false, code: 'precondition-failed', reason: `master version is not ${command.ifMaster}` }
      : command.machine === RESTORE
        ? this.#runRestore(command, { instance, index, timeMs })
        : run(machine, command, { instance, index, timeMs });
    if (!command.machine.startsWith('$')) tables.used = true;
    tables.once.add(command.id, instance);
    if (command.key !== null && digest !== null)
      tables.keys.remember(command.key, { digest, instance, index, outcome });
    return outcome;
  }

  /** The answer to a command that was said before; null: it was not. */
  #repeatOf(command: Command, digest: string | null, instance: InstanceId): CommandOutcome | null {
    const first = command.key === null ? undefined : this.#tables.keys.find(command.key, instance);
    if (first !== undefined) {
      // The same command again needs no second entry in the at-most-once table: it is answered from this one.
      return first.digest === digest
        ? { applied: false, code: 'idempotency-replayed', reason: 'idempotency key seen before', first }
        : { applied: false, code: 'idempotency-key-reused', reason: 'the key was used for another command' };
    }
    // Orders to the group's own machines, too: the list refuses a repeat by its version, and who is told so believes that
    // nothing was done; an old length of the lease would come back.
    if (!this.#tables.once.isNew(command.id)) return { applied: false, code: 'duplicate', reason: 'proposed again' };
    return null;
  }

  #holdsLease(version: number): boolean {
    const holder = this.master.state;
    return holder?.node != null && holder.version === version;
  }

  /** Reading takes its time, during which nothing is applied: the command that switches to a backup is come to twice. */
  #runRestore(command: Command, context: ApplyContext): CommandOutcome {
    this.#awaited = this.restore.switchedToBy(command);
    if (this.#awaited !== null && this.#backup === null && this.#unreadable === null) throw new BackupAwaited();
    const refusal = this.#unreadable;
    this.#unreadable = null;
    if (refusal !== null) return { applied: false, code: 'command-rejected', reason: refusal };
    const outcome = run(this.restore, command, context);
    if (this.#backup !== null) this.#switchToBackup(this.#backup);
    return outcome;
  }

  #switchToBackup({ act, tables }: PreparedState): void {
    act();
    this.#tables.keys = tables.keys;
    this.#tables.timeMs = Math.max(this.#tables.timeMs, tables.timeMs);
    this.#tables.used = true;
    this.#backup = null;
    this.#awaited = null;
    this.replay?.beginAfter(this.#applied + 1);
  }
}

function run(machine: StateMachine, command: Command, context: ApplyContext): CommandOutcome {
  const answer = machine.apply(command, context);
  if ('result' in answer) return { applied: true, result: answer.result };
  const { rejected: reason, code = 'command-rejected', facts } = answer;
  return { applied: false, code, reason, ...(facts === undefined ? {} : { facts }) };
}
