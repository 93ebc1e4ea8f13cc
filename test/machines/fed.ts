// A machine fed by hand: commands as JSON at times that the test names, snapshots taken and read as the engine does.
import type { Command, Encoding } from '../../src/machines/command.js';
import type { Applied, SnapshotSource, StateMachine } from '../../src/machines/machine.js';

export interface Feeding {
  readonly instance?: number;
  readonly index?: number;
  readonly timeMs?: number;
}

/** `order`: JSON text, or what becomes JSON. */
export function commandOf(machine: string, order: unknown, encoding: Encoding = 'json'): Command {
  const text = typeof order === 'string' ? order : JSON.stringify(order);
  return {
    id: { origin: 'a~1.x', sequence: 0 },
    machine,
    encoding,
    bytes: Buffer.from(text),
    key: null,
    ifMaster: null,
  };
}

export function feed(
  machine: StateMachine,
  order: unknown,
  { instance = 0, index = 0, timeMs = 0 }: Feeding = {},
): Applied {
  return machine.apply(commandOf(machine.name, order), { instance, index, timeMs });
}

/** What was applied; a rejection fails the test. */
export function resultOf(applied: Applied): unknown {
  if ('rejected' in applied) throw new Error(`rejected: ${applied.rejected}`);
  return applied.result;
}

/** The code of a rejection, `command-rejected` when it has none of its own; null: it was applied. */
export function codeOf(applied: Applied): string | null {
  return 'rejected' in applied ? (applied.code ?? 'command-rejected') : null;
}

/** Takes hold of the state now, and reads the rest of the snapshot when it is asked to. */
export function hold(machine: StateMachine): () => Promise<Buffer> {
  const parts = machine.snapshot?.();
  if (parts === undefined) throw new Error('no snapshot');
  const iterator = Symbol.iterator in parts ? parts[Symbol.iterator]() : parts[Symbol.asyncIterator]();
  const first = iterator.next();
  return async () => {
    const read: Uint8Array[] = [];
    for (let next = await first; next.done !== true; next = await iterator.next()) read.push(next.value);
    return Buffer.concat(read);
  };
}

/** Hands the snapshot over in pieces of this size, which cut lines and characters anywhere. */
export async function restore(
  machine: StateMachine,
  snapshot: Buffer,
  { source = 'checkpoint', pieceBytes = 7 }: { source?: SnapshotSource; pieceBytes?: number } = {},
): Promise<void> {
  const pieces = (async function* () {
    for (let at = 0; at < snapshot.length; at += pieceBytes) yield snapshot.subarray(at, at + pieceBytes);
  })();
  const act = await machine.restore?.(pieces, source);
  act?.();
}
