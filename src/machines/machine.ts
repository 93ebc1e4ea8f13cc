// The contract of a state machine. A group has many, each with a name; a command is applied by exactly one.
//
// Determinism: `apply` may depend on the machine's state, the command and the context, and on nothing else: no clock, no
// chance, no I/O. All nodes apply the same commands in the same order, each (instance, index) exactly once.
// Ownership: the command's bytes belong to the log; a machine that keeps them copies them, and never writes to them.
// Rejecting (`{ rejected: reason }`) is an answer: the log moves on, the caller gets 422.
// Throwing is a failure of this node: the group halts here, visibly, and the same command is tried again with back-off;
// a machine that throws must have left its state as it was.
import type { InstanceId } from '../core/ids.js';
import type { ChangeRefused } from '../core/membership-change.js';
import type { Command } from './command.js';

export interface ApplyContext {
  readonly instance: InstanceId;
  /** Place of the command in its instance. */
  readonly index: number;
}

/** `result` goes to the caller as JSON; undefined is not JSON, use null for "nothing to say". */
export type Applied =
  | { readonly result: unknown }
  /** `code`: for the reserved machines, whose refusals have codes of their own. */
  | { readonly rejected: string; readonly code?: ChangeRefused['code'] };

export interface StateMachine {
  /** `[a-z][a-z0-9-]{0,62}`; names that begin with `$` are reserved. */
  readonly name: string;
  apply(command: Command, context: ApplyContext): Applied;
}
