// What can be asked of the machine `kv`, and how it stands in the log: JSON, so that followers of the feed can keep a copy of
// the state. A value that is JSON itself stands there, and is kept, byte for byte.
import type { Encoding } from './command.js';
import { ENCODINGS } from './command.js';
import { BadCommand, type Fields, isBroken, onlyFields, readCommand, readKey, readTtlMs } from './json-command.js';
import type { Draft } from './machine.js';
import { objectMembers } from './raw-json.js';

export interface KvPut {
  readonly op: 'put';
  readonly key: string;
  readonly contentType: string;
  readonly encoding: Encoding;
  /** JSON text, the text itself, or base64: as `encoding` says. */
  readonly text: string;
  readonly ttlMs: number | null;
  /** `*` or an ETag without its quotes; null: whatever is there. */
  readonly ifMatch: string | null;
  /** Only where nothing is yet. */
  readonly ifNoneMatch: boolean;
}

export type KvCommand =
  | KvPut
  | { readonly op: 'delete'; readonly key: string; readonly ifMatch: string | null }
  /** Does nothing by itself: it brings time. */
  | { readonly op: 'expire' };

const PUT_FIELDS = ['op', 'key', 'contentType', 'encoding', 'ttlMs', 'ifMatch', 'ifNoneMatch', 'value'];
const TAG_CHARACTERS_MAX = 64;
const CONTENT_TYPE = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  utf8: 'text/plain; charset=utf-8',
  base64: 'application/octet-stream',
};

/** Whether it can be kept, and given back in a header. */
export function isContentType(text: string): boolean {
  return CONTENT_TYPE.test(text);
}

export function readKvCommand(draft: Draft): KvCommand | BadCommand {
  return readCommand(draft, (fields, text): KvCommand => {
    switch (fields['op']) {
      case 'put':
        return readPut(fields, text);
      case 'delete':
        onlyFields(fields, ['op', 'key', 'ifMatch']);
        return { op: 'delete', key: readKey(fields, 'key'), ifMatch: readTag(fields) };
      case 'expire':
        onlyFields(fields, ['op']);
        return { op: 'expire' };
      default:
        throw new BadCommand('op must be put, delete or expire');
    }
  });
}

function readPut(fields: Fields, text: Buffer): KvPut {
  onlyFields(fields, PUT_FIELDS);
  const encoding = ENCODINGS.find((each) => each === (fields['encoding'] ?? 'json'));
  if (encoding === undefined) throw new BadCommand('encoding must be json, utf8 or base64');
  const { contentType = CONTENT_TYPES[encoding], ttlMs, ifNoneMatch = false } = fields;
  if (typeof contentType !== 'string' || !isContentType(contentType)) {
    throw new BadCommand('contentType must have 1 to 256 visible ASCII characters');
  }
  if (typeof ifNoneMatch !== 'boolean') throw new BadCommand('ifNoneMatch must be true or false');
  return {
    op: 'put',
    key: readKey(fields, 'key'),
    contentType,
    encoding,
    text: encoding === 'json' ? verbatim(text) : readText(fields['value'], encoding),
    ttlMs: ttlMs === undefined ? null : readTtlMs(fields),
    ifMatch: readTag(fields),
    ifNoneMatch,
  };
}

/**
 * Parsing and printing would change huge numbers, the order of names, and names that stand twice. The blanks around the
 * value belong to it: they are what somebody's file begins or ends with.
 */
function verbatim(text: Buffer): string {
  const value = objectMembers(text, 0)?.get('value');
  if (value === undefined) throw new BadCommand('the value is missing');
  let { start, end } = value;
  while (isBlank(text[start - 1])) start -= 1;
  while (isBlank(text[end])) end += 1;
  return text.toString('utf8', start, end);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function readText(value: unknown, encoding: 'utf8' | 'base64'): string {
  if (typeof value !== 'string' || isBroken(value))
    throw new BadCommand('the value must be a string of whole characters');
  if (encoding === 'base64' && Buffer.from(value, 'base64').toString('base64') !== value) {
    throw new BadCommand('the value is not base64');
  }
  return value;
}

function readTag({ ifMatch }: Fields): string | null {
  if (ifMatch === undefined) return null;
  if (typeof ifMatch === 'string' && ifMatch.length <= TAG_CHARACTERS_MAX) return ifMatch;
  throw new BadCommand(`ifMatch must be * or an ETag without its quotes, of at most ${TAG_CHARACTERS_MAX} characters`);
}
