// Finds where the members of a JSON object or the items of an array stand in their text, so that values can be kept
// byte for byte: parsing and printing again would change huge numbers, key order, duplicate keys and escapes.
// Works only on text that JSON.parse has accepted. Iterative: nesting costs no stack.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Half-open range of bytes. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** Members of the object at `at`, in order; null when the value there is not an object. Repeated names: the last wins. */
export function objectMembers(text: Buffer, at: number): Map<string, Slice> | null {
  let position = skipBlanks(text, at);
  if (text[position] !== OPEN_BRACE) return null;
  const members = new Map<string, Slice>();
  position = skipBlanks(text, position + 1);
  while (text[position] !== CLOSE_BRACE) {
    const nameEnd = stringEnd(text, position);
    const name = JSON.parse(text.toString('utf8', position, nameEnd)) as string;
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    const end = valueEnd(text, start);
    members.set(name, { start, end });
    position = skipBlanks(text, end);
    if (text[position] === COMMA) position = skipBlanks(text, position + 1);
  }
  return members;
}

/** Items of the array at `at`, in order; null when the value there is not an array. */
export function arrayItems(text: Buffer, at: number): Slice[] | null {
  let position = skipBlanks(text, at);
  if (text[position] !== OPEN_BRACKET) return null;
  const items: Slice[] = [];
  position = skipBlanks(text, position + 1);
  while (text[position] !== CLOSE_BRACKET) {
    const end = valueEnd(text, position);
    items.push({ start: position, end });
    position = skipBlanks(text, end);
    if (text[position] === COMMA) position = skipBlanks(text, position + 1);
  }
  return items;
}

function skipBlanks(text: Buffer, at: number): number {
  let position = at;
  for (;;) {
    const byte = text[position];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return position;
    position += 1;
  }
}

/** The end of the value that starts at `at`. */
function valueEnd(text: Buffer, at: number): number {
  const first = text[at];
  if (first === QUOTE) return stringEnd(text, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return nestedEnd(text, at);
  let position = at;
  while (position < text.length && !endsScalar(text[position])) position += 1;
  return position;
}

function nestedEnd(text: Buffer, at: number): number {
  let depth = 0;
  let position = at;
  do {
    const byte = text[position];
    if (byte === QUOTE) {
      position = stringEnd(text, position);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    position += 1;
  } while (depth > 0);
  return position;
}

function stringEnd(text: Buffer, at: number): number {
  let position = at + 1;
  while (text[position] !== QUOTE) position += text[position] === BACKSLASH ? 2 : 1;
  return position + 1;
}

function endsScalar(byte: number | undefined): boolean {
  return (
    byte === COMMA ||
    byte === CLOSE_BRACE ||
    byte === CLOSE_BRACKET ||
    byte === 0x20 ||
    byte === 0x0a ||
    byte === 0x0d ||
    byte === 0x09
  );
}
