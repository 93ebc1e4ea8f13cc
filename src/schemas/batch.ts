// Proposing several values at once. The body is read by hand, not by the framework, because `value` must be kept as it
// stands in the text. One bad entry refuses the whole batch; nothing of it is proposed then.
import { isUtf8 } from 'node:buffer';
import { Type } from 'typebox';
import { arrayItems, objectMembers, type Slice } from '../machines/raw-json.js';
import { IdempotencyKey } from './parameters.js';
import { invalidRequest, PaxmeshError } from './problem.js';
import { MachineName } from './proposal.js';
import { checkJson, EncodingName, type ReceivedValue } from './value.js';

export const BATCH_ENTRIES_MAX = 10_000;
/** Bytes an entry may need in the body beside its value: names, machine, key. */
const ENTRY_OVERHEAD_BYTES = 512;
/** JSON writes a byte of text as up to six: \u0000. */
const ESCAPE_FACTOR = 6;

/** A batch that is inside the value limit never fails at this one, however its JSON is escaped. */
export function batchBodyBytesMax(valueBytesMax: number): number {
  return valueBytesMax * ESCAPE_FACTOR + BATCH_ENTRIES_MAX * ENTRY_OVERHEAD_BYTES;
}

export const BatchEntry = Type.Object(
  {
    value: Type.Unknown({ description: 'As `encoding` says; JSON is kept verbatim' }),
    encoding: Type.Optional({ ...EncodingName, default: 'json' }),
    machine: Type.Optional(MachineName),
    idempotencyKey: Type.Optional(IdempotencyKey),
  },
  { $id: 'BatchEntry', additionalProperties: false },
);

export const Batch = Type.Object(
  { entries: Type.Array(Type.Unsafe({ $ref: 'BatchEntry#' }), { minItems: 1, maxItems: BATCH_ENTRIES_MAX }) },
  { $id: 'Batch', additionalProperties: false },
);

export const BatchCommitted = Type.Object(
  {
    group: Type.String(),
    instanceId: Type.Integer({ minimum: 0 }),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ minimum: 0 }),
        result: Type.Unknown(),
        instanceId: Type.Optional(
          Type.Integer({ minimum: 0, description: 'Only for a repeated key that stands in another instance' }),
        ),
        code: Type.Optional(Type.String({ description: 'Only for an entry that was not applied: why' })),
        reason: Type.Optional(Type.String()),
      }),
    ),
  },
  { $id: 'BatchCommitted' },
);

export interface ReceivedEntry extends ReceivedValue {
  readonly machine?: string;
  readonly idempotencyKey?: string;
}

const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;
const FIELDS: ReadonlySet<string> = new Set(['value', 'encoding', 'machine', 'idempotencyKey']);

/** `{entries: [...]}`. Throws invalid-request, or value-too-large when the values together exceed the limit. */
export function receiveBatch(body: Buffer, valueBytesMax: number): readonly ReceivedEntry[] {
  if (!isUtf8(body)) throw invalidRequest('The body is not valid UTF-8');
  checkJson(body);
  const members = objectMembers(body, 0);
  const entries = members?.get('entries');
  const items = entries === undefined ? null : arrayItems(body, entries.start);
  if (items === null || members?.size !== 1)
    throw invalidRequest('The body must be an object with one field, the array entries');
  return within(
    items.map((item, index) => receiveEntry(body, item, index)),
    valueBytesMax,
  );
}

/** One JSON value a line; blank lines do not count. */
export function receiveLines(body: Buffer, valueBytesMax: number): readonly ReceivedEntry[] {
  if (!isUtf8(body)) throw invalidRequest('The body is not valid UTF-8');
  const entries: ReceivedEntry[] = [];
  for (let start = 0; start < body.length; ) {
    const feed = body.indexOf(0x0a, start);
    const lineEnd = feed < 0 ? body.length : feed;
    const end = lineEnd > start && body[lineEnd - 1] === 0x0d ? lineEnd - 1 : lineEnd;
    const bytes = body.subarray(start, end);
    start = lineEnd + 1;
    if (bytes.toString('latin1').trim() === '') continue;
    if (entries.length === BATCH_ENTRIES_MAX) throw tooMany();
    checkJson(bytes);
    entries.push({ encoding: 'json', bytes });
  }
  return within(entries, valueBytesMax);
}

function within(entries: readonly ReceivedEntry[], valueBytesMax: number): readonly ReceivedEntry[] {
  if (entries.length === 0) throw invalidRequest('A batch needs at least one entry');
  if (entries.length > BATCH_ENTRIES_MAX) throw tooMany();
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  if (bytes > valueBytesMax) {
    throw new PaxmeshError(
      'value-too-large',
      `The values have ${bytes} bytes together, at most ${valueBytesMax} are taken`,
    );
  }
  return entries;
}

function tooMany(): PaxmeshError {
  return new PaxmeshError('value-too-large', `A batch holds at most ${BATCH_ENTRIES_MAX} entries`);
}

function receiveEntry(body: Buffer, item: Slice, index: number): ReceivedEntry {
  const members = objectMembers(body, item.start);
  if (members === null) throw invalidRequest(`entries[${index}] must be an object`);
  for (const name of members.keys()) {
    if (!FIELDS.has(name)) throw invalidRequest(`entries[${index}] has a field nobody knows: ${name.slice(0, 64)}`);
  }
  const value = members.get('value');
  if (value === undefined) throw invalidRequest(`entries[${index}] has no value`);
  const text = (name: string): string | undefined => {
    const slice = members.get(name);
    if (slice === undefined) return undefined;
    const parsed: unknown = JSON.parse(body.toString('utf8', slice.start, slice.end));
    if (typeof parsed !== 'string') throw invalidRequest(`entries[${index}].${name} must be a string`);
    return parsed;
  };
  const machine = text('machine');
  if (machine !== undefined && (machine.length < 1 || machine.length > 64)) {
    throw invalidRequest(`entries[${index}].machine must have 1 to 64 characters`);
  }
  const idempotencyKey = text('idempotencyKey');
  if (idempotencyKey !== undefined && !KEY_PATTERN.test(idempotencyKey)) {
    throw invalidRequest(`entries[${index}].idempotencyKey must be 1 to 255 visible ASCII characters`);
  }
  const encoding = text('encoding') ?? 'json';
  const received =
    encoding === 'json'
      ? { encoding: 'json' as const, bytes: body.subarray(value.start, value.end) }
      : receiveText(encoding, text('value') ?? '', index);
  return {
    ...received,
    ...(machine === undefined ? {} : { machine }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function receiveText(encoding: string, text: string, index: number): ReceivedValue {
  if (encoding === 'utf8') {
    if (/\p{Surrogate}/u.test(text))
      throw invalidRequest(`entries[${index}].value holds half a character (a lone surrogate)`);
    return { encoding, bytes: Buffer.from(text, 'utf8') };
  }
  if (encoding === 'base64') {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text) throw invalidRequest(`entries[${index}].value is not base64`);
    return { encoding, bytes };
  }
  throw invalidRequest(`entries[${index}].encoding must be json, utf8 or base64`);
}
