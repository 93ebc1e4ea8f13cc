// Rows as lines of JSON, in parts of a size that streams like: how the machines that Paxmesh brings write their snapshots.
import { SnapshotDamaged } from './sections.js';

const PART_CHARACTERS = 48 * 1024;

export function* writeLines(rows: Iterable<unknown>): Generator<Uint8Array> {
  let text = '';
  for (const row of rows) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < PART_CHARACTERS) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

/** Throws SnapshotDamaged where a line is not JSON, or the last has no end. The rows' shape is the caller's to trust. */
export async function* readLines<Row>(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Row> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  for await (const part of parts) {
    const lines = (rest + decode(decoder, part)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield parse(line) as Row;
  }
  if (rest !== '') throw new SnapshotDamaged('a line has no end');
}

function decode(decoder: InstanceType<typeof TextDecoder>, part: Uint8Array): string {
  try {
    return decoder.decode(part, { stream: true });
  } catch (error) {
    throw new SnapshotDamaged('a line is not UTF-8', { cause: error });
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new SnapshotDamaged('a line is not JSON', { cause: error });
  }
}
