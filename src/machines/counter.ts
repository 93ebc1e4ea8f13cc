// The machine `counter`: named whole numbers that are added to. Nothing is ever lost to rounding: a sum that is no safe
// integer is rejected, and the counter stays as it was. A counter that nobody has added to is 0.
import { crc32 } from 'node:zlib';
import type { Command } from './command.js';
import { BadCommand, onlyFields, readCommand, readKey } from './json-command.js';
import { readLines, writeLines } from './json-lines.js';
import type { Applied, Draft, Rejected, StateMachine } from './machine.js';

type Row = readonly [name: string, value: number];

export class CounterMachine implements StateMachine {
  readonly name = 'counter';
  #values = new Map<string, number>();
  #sum = 0;

  beforePropose(draft: Draft): Draft | Rejected {
    const command = readCounterCommand(draft);
    return command instanceof BadCommand ? { rejected: command.message } : draft;
  }

  apply(bytes: Command): Applied {
    const command = readCounterCommand(bytes);
    if (command instanceof BadCommand) return { rejected: command.message };
    const { name, add } = command;
    const value = (this.#values.get(name) ?? 0) + add;
    if (!Number.isSafeInteger(value)) return { rejected: 'the sum would be larger than any safe integer' };
    this.#set(name, value);
    return { result: { value } };
  }

  /** `{name}`: its `{value}`. */
  query(question: unknown): { readonly value: number } {
    return { value: this.#values.get((question as { readonly name: string }).name) ?? 0 };
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield* writeLines([...this.#values]);
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const fresh = new CounterMachine();
    for await (const [name, value] of readLines<Row>(parts)) fresh.#set(name, value);
    return () => {
      this.#values = fresh.#values;
      this.#sum = fresh.#sum;
    };
  }

  digest(): number {
    return this.#sum;
  }

  #set(name: string, value: number): void {
    const before = this.#values.get(name);
    const less = before === undefined ? 0 : sumOf([name, before]);
    this.#values.set(name, value);
    this.#sum = (this.#sum + sumOf([name, value]) - less) >>> 0;
  }
}

function readCounterCommand(draft: Draft): { readonly name: string; readonly add: number } | BadCommand {
  return readCommand(draft, (fields) => {
    onlyFields(fields, ['op', 'name', 'add']);
    const { op, add } = fields;
    if (op !== 'add') throw new BadCommand('op must be add');
    if (!Number.isSafeInteger(add)) throw new BadCommand('add must be a safe integer');
    return { name: readKey(fields, 'name'), add: add as number };
  });
}

function sumOf(row: Row): number {
  return crc32(JSON.stringify(row));
}
