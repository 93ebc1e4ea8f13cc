// The contract of a state machine. A group has many, each with a name; a command is applied by exactly one.
//
// Determinism: `apply` may depend on the machine's state, the command and the context, and on nothing else: no clock, no
// chance, no I/O. All nodes apply the same commands in the same order, each (instance, index) exactly once. Time comes in
// by `context.timeMs`, which is the same everywhere.
// Ownership: the command's bytes belong to the log; a machine that keeps them copies them, and never writes to them.
// Rejecting (`{ rejected: reason }`) is an answer: the log moves on, the caller gets 422.
// Throwing is a failure of this node: the group halts here, visibly, and the same command is tried again with back-off;
// a machine that throws must have left its state as it was.
// Snapshots: a machine with `snapshot` and `restore` lets the log be trimmed. One without either must see every instance
// again after a restart, so a group that has one keeps its whole log and takes no checkpoints.
import type { InstanceId, Millis } from '../core/ids.js';
import type { ChangeRefused } from '../core/membership-change.js';
import type { Command, Encoding } from './command.js';

export interface ApplyContext {
  readonly instance: InstanceId;
  /** Place of the command in its instance. */
  readonly index: number;
  /**
   * The group's own time: whole milliseconds that the group has been up, put into the log by whoever proposed. It never
   * goes back, does not follow anybody's wall clock, and stands still while the group is down.
   */
  readonly timeMs: Millis;
}

export interface Rejected {
  readonly rejected: string;
  /** For the machines that Paxmesh brings: their refusals have codes of their own. */
  readonly code?: ChangeRefused['code'] | 'precondition-failed' | 'key-not-found' | 'lock-held';
  /** JSON facts for the caller, shown beside the reason. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** `result` goes to the caller as JSON; undefined is not JSON, use null for "nothing to say". */
export type Applied = { readonly result: unknown } | Rejected;

/** A command before it is one. */
export interface Draft {
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
}

/** Where a snapshot comes from: this group's own log, or the backup of another cluster. */
export type SnapshotSource = 'checkpoint' | 'backup';

export interface StateMachine {
  /** `[a-z][a-z0-9-]{0,62}`; names that begin with `$` are reserved. */
  readonly name: string;

  apply(command: Command, context: ApplyContext): Applied;

  /**
   * On the node that takes a proposal, before anything is proposed: may refuse what `apply` would reject anyway, or put in
   * what only the proposer can know. What it answers is what is proposed.
   */
  beforePropose?(draft: Draft): Draft | Rejected;

  /** A read. Must not change anything; the answer is for the caller alone. */
  query?(question: unknown, context: { readonly timeMs: Millis }): unknown;

  /**
   * The whole state as it is at the call. An Iterable is read to its end at once, before anything else is applied. An
   * AsyncIterable is asked for its first part at once, and read on while commands are applied: what it does before its first
   * `await` or `yield` is where it takes hold of the state.
   */
  snapshot?(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

  /**
   * Reads what `snapshot` of another instance gave, cut into parts in any way, beside the present state, and answers the act
   * that switches to it. The act must not throw. When reading fails, the present state stays as it is.
   */
  restore?(parts: AsyncIterable<Uint8Array>, source: SnapshotSource): Promise<() => void>;

  /**
   * A second copy of this machine, empty as the first one was, that shares nothing with it that ever changes. Then checkpoints
   * are taken from the copy, and this machine is not asked for a snapshot for them: each time one is due the copy is restored
   * from the last checkpoint, if it is not there yet, and given what this machine was given since, a little at a time, with the
   * same contexts. Nothing is applied to it while its snapshot is read, so a plain Iterable is read bit by bit, too. It needs
   * `snapshot` and `restore`, is asked for nothing else but `digest`, and must come to the same answers and the same digest:
   * a copy that throws or differs is dropped, and that checkpoint is taken from this machine. Costs the state a second time.
   */
  shadow?(): StateMachine;

  /** A number that is equal for equal states, or null. Compared between nodes now and then: who differs is halted. */
  digest?(): number | null;

  /**
   * The group's time at which the machine wants `due()` proposed for itself; null: never. The master sees to it. Commands
   * come when they come, at that time or later, once or several times.
   */
  readonly dueAtMs?: Millis | null;
  due?(): Draft;
}

/** Whether the log may be trimmed below a checkpoint that holds this machine. */
export function canSnapshot(machine: StateMachine): boolean {
  return machine.snapshot !== undefined && machine.restore !== undefined;
}
