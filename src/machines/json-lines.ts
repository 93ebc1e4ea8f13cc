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
  // A row may be far longer than a part: its pieces are put together once.
  let pieces: string[] = [];
  for await (const part of parts) {
    const lines = decode(decoder, part).split('\n');
    pieces.push(lines[0] ?? '');
    if (lines.length === 1) continue;
    yield parse(pieces.join('')) as Row;
    for (const line of lines.slice(1, -1)) yield parse(line) as Row;
    pieces = [lines.at(-1) ?? ''];
  }
  if (pieces.some((piece) => piece !== '')) throw new SnapshotDamaged('a line has no end');
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
