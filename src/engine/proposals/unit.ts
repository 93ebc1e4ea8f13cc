// A unit: one call's commands. They stand together in one value, in order, and are answered together. Who counts it and
// where it waits is the committer's affair.
import type { Millis, NodeId } from '../../core/ids.js';
import type { Command } from '../../machines/command.js';
import type { CommandOutcome } from '../../machines/router.js';
import type { PaxmeshError } from '../errors.js';

/** Where a command has come to stand in the log, and what came of it. */
export interface Placed {
  readonly instance: number;
  readonly index: number;
  readonly outcome: CommandOutcome;
}

export interface Unit {
  /** Let go when done. */
  commands: readonly Command[];
  readonly count: number;
  readonly bytes: number;
  readonly deadline: Millis;
  /** Never handed to another node. */
  readonly local: boolean;
  /** System commands only: asked right before sealing. */
  readonly wanted: (() => boolean) | null;
  readonly settle: ((settlement: readonly Placed[] | PaxmeshError) => void) | null;
  /** How often it has left this queue with an end that is not known to be "nothing happened". */
  sends: number;
  /** The node it was handed to and has not come back from. */
  at: NodeId | null;
  done: boolean;
}

/** Spelt out, not spread: a call is made of one of these, and a spread costs twenty times as much. */
export function newUnit(
  commands: readonly Command[],
  deadline: Millis,
  local: boolean,
  settle: Unit['settle'],
  wanted: Unit['wanted'] = null,
): Unit {
  let bytes = 0;
  for (const command of commands) bytes += command.bytes.length;
  return { commands, count: commands.length, bytes, deadline, local, wanted, settle, sends: 0, at: null, done: false };
}
