// Keys and values as simply as can be, for measuring what a checkpoint of them costs: with a shadow, or without one, when the
// snapshot takes hold of the state by a copy of the map.
import type { Applied, Command, StateMachine } from '../src/index.js';
import { readLines, writeLines } from '../src/machines/json-lines.js';

type Row = readonly [key: string, value: string];

export class Rows implements StateMachine {
  readonly name = 'rows';
  protected rows = new Map<string, string>();

  apply({ bytes }: Command): Applied {
    const { key, value } = JSON.parse(Buffer.from(bytes).toString());
    this.rows.set(key, value);
    return { result: null };
  }

  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    return written(this.rows);
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const rows = new Map<string, string>();
    for await (const [key, value] of readLines<Row>(parts)) rows.set(key, value);
    return () => {
      this.rows = rows;
    };
  }
}

export class ShadowedRows extends Rows {
  shadow(): StateMachine {
    return new ShadowedRows();
  }

  /** Nothing changes while a shadow's is read. */
  override snapshot(): Iterable<Uint8Array> {
    return writeLines(this.rows);
  }
}

async function* written(rows: Iterable<Row>): AsyncGenerator<Uint8Array> {
  const held = [...rows];
  yield* writeLines(held);
}
