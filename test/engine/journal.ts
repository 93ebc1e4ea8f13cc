// A machine that remembers all it was told, word for word with its context, and what it was asked for: whoever was given
// anything else, or anything twice, is in another state. It has a shadow.
import { crc32 } from 'node:zlib';
import type { Applied, ApplyContext, Command, StateMachine } from '../../src/index.js';
import { readLines, writeLines } from '../../src/machines/json-lines.js';

export class Journal implements StateMachine {
  readonly name = 'journal';
  lines: string[] = [];
  /** How often its state was written down. */
  snapshots = 0;
  /** Those it made, oldest first. */
  readonly shadows: Journal[] = [];
  /** What its shadows are; null: they are what they should be. */
  readonly #kind: (() => Journal) | null;

  constructor(kind: (() => Journal) | null = null) {
    this.#kind = kind;
  }

  /** Also remembers what it rejects. */
  apply({ bytes }: Command, { instance, index, timeMs }: ApplyContext): Applied {
    const text = Buffer.from(bytes).toString();
    this.lines.push(`${instance}.${index} at ${timeMs}: ${text}`);
    return text === 'no' ? { rejected: 'as asked' } : { result: this.lines.length };
  }

  *snapshot(): Generator<Uint8Array> {
    this.snapshots++;
    for (const line of this.lines) yield* writeLines([line]);
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const lines: string[] = [];
    for await (const line of readLines<string>(parts)) lines.push(line);
    return () => {
      this.lines = lines;
    };
  }

  digest(): number | null {
    return crc32(this.lines.join('\n'));
  }

  query(): readonly string[] {
    return [...this.lines];
  }

  shadow(): StateMachine {
    const shadow = this.#kind?.() ?? new Journal();
    this.shadows.push(shadow);
    return shadow;
  }
}
