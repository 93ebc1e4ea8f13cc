// An instance as one line for people. It is cut out of the answer's text: reading a value and printing it again would
// change huge numbers, and nesting may be deeper than a printer can follow.
import { arrayItems, objectMembers, type Slice } from '../machines/raw-json.js';

const VALUE_CHARACTERS_MAX = 200;
/** A character of UTF-8 needs no more. */
const BYTES_PER_CHARACTER = 4;

/** `json`: an instance, or a commit frame of the feed. */
export function instanceLine(json: string): string {
  const text = Buffer.from(json);
  return lineAt(text, 0);
}

/** `json`: a page of instances. */
export function pageLines(json: string): string[] {
  const text = Buffer.from(json);
  const items = objectMembers(text, 0)?.get('items');
  if (items === undefined) return [];
  return (arrayItems(text, items.start) ?? []).map(({ start }) => lineAt(text, start));
}

function lineAt(text: Buffer, at: number): string {
  const instance = objectMembers(text, at);
  const values = instance?.get('values');
  const items = values === undefined ? [] : (arrayItems(text, values.start) ?? []);
  return `${shown(text, instance?.get('instanceId'))}  ${items.map(({ start }) => valueAt(text, start)).join('  |  ')}`;
}

function valueAt(text: Buffer, at: number): string {
  const members = objectMembers(text, at);
  const plain = (name: string): string => shown(text, members?.get(name)).replace(/^"|"$/g, '');
  const value = members?.get('value');
  const said = plain('encoding') === 'base64' ? `base64:${plain('value')}` : shown(text, value);
  const why = plain('applied') === 'false' ? ` (not applied: ${plain('reason')})` : '';
  return `${plain('machine')} ${said}${why}`;
}

/** On one line: line ends in JSON are nothing but blanks. */
function shown(text: Buffer, slice: Slice | undefined): string {
  if (slice === undefined) return '';
  const end = Math.min(slice.end, slice.start + VALUE_CHARACTERS_MAX * BYTES_PER_CHARACTER);
  const whole = text.toString('utf8', slice.start, end).replace(/[\r\n]+/g, ' ');
  return end < slice.end || whole.length > VALUE_CHARACTERS_MAX ? `${whole.slice(0, VALUE_CHARACTERS_MAX)}…` : whole;
}
