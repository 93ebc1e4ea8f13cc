// `$restore`: a backup coming in through the log, as a replicated machine, so that every node of the new cluster gets the same
// state at the same instance. Parts are collected; the switch hands them to the router, which reads them beside the present
// state. Only a group that nobody has used takes one: nothing is ever overwritten.
import { RESTORE } from './batch.js';
import type { Command } from './command.js';
import type { Applied, StateMachine } from './machine.js';

/**
 * `begin` forgets parts of an earlier try. A part is not JSON but its bytes, after the text `<id> <index>` and a newline.
 */
export type RestoreCommand =
  | { readonly op: 'begin'; readonly id: string }
  | { readonly op: 'switch'; readonly id: string; readonly parts: number };

const NEWLINE = 0x0a;
const NEVER_USED_ONLY = 'only a group that was never used can be restored into';

export function restorePart(id: string, index: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${id} ${index}\n`), bytes]);
}

export class RestoreMachine implements StateMachine {
  readonly name = RESTORE;
  readonly #isUsed: () => boolean;
  #id: string | null = null;
  #parts: Uint8Array[] = [];

  constructor(isUsed: () => boolean) {
    this.#isUsed = isUsed;
  }

  /** The backup that this command switches to; null: it does not, and `apply` says why. */
  switchedToBy(command: Command): readonly Uint8Array[] | null {
    const order = command.encoding === 'json' ? parse(command) : null;
    return order?.op === 'switch' && this.#refusal(order) === null ? this.#parts : null;
  }

  apply(command: Command): Applied {
    if (this.#isUsed()) return { rejected: NEVER_USED_ONLY, code: 'precondition-failed' };
    if (command.encoding !== 'json') return this.#part(command.bytes);
    const order = parse(command);
    const refusal = order.op === 'switch' ? this.#refusal(order) : null;
    if (refusal !== null) return { rejected: refusal, code: 'precondition-failed' };
    this.#id = order.op === 'begin' ? order.id : null;
    this.#parts = [];
    return { result: null };
  }

  /** What is collected so far, for a snapshot. */
  capture(): { readonly id: string | null; readonly parts: readonly Uint8Array[] } {
    return { id: this.#id, parts: [...this.#parts] };
  }

  restored(id: string | null, parts: readonly Uint8Array[]): void {
    this.#id = id;
    this.#parts = [...parts];
  }

  #refusal(order: Extract<RestoreCommand, { op: 'switch' }>): string | null {
    if (this.#isUsed()) return NEVER_USED_ONLY;
    if (order.id !== this.#id) return 'another restore has begun since';
    return order.parts === this.#parts.length ? null : `${this.#parts.length} of ${order.parts} parts have come`;
  }

  #part(bytes: Uint8Array): Applied {
    const end = bytes.indexOf(NEWLINE);
    const [id, index] = Buffer.from(bytes.subarray(0, end)).toString().split(' ');
    if (id !== this.#id) return { rejected: 'another restore has begun since', code: 'precondition-failed' };
    // Said twice, because the first time nobody knew whether it came through.
    if (Number(index) < this.#parts.length) return { result: null };
    if (Number(index) > this.#parts.length) {
      return { rejected: `part ${this.#parts.length} comes next, not ${index}`, code: 'precondition-failed' };
    }
    this.#parts.push(Buffer.from(bytes.subarray(end + 1)));
    return { result: null };
  }
}

function parse(command: Command): RestoreCommand {
  return JSON.parse(Buffer.from(command.bytes).toString('utf8')) as RestoreCommand;
}
