// Keys and values: how a request becomes a command in the log, and how entries stand in answers. JSON values stand verbatim
// on both sides, so these texts are put together by hand.
import { type Static, Type } from 'typebox';
import { isContentType } from '../machines/kv-command.js';
import { base64BytesOf } from '../machines/value-limit.js';
import { invalidRequest } from './problem.js';
import { checkKey, KEY_BYTES_MAX, READ, TtlMs, WRITE, WriteHeaders } from './state.js';
import { EncodingName, type ReceivedValue } from './value.js';

export const KvParams = Type.Object({
  group: Type.String({ description: "The group's name" }),
  key: Type.String({
    description: `1 to ${KEY_BYTES_MAX} bytes of UTF-8 without NUL; percent-encoded, slashes too`,
  }),
});

export const KvPutQuery = Type.Object({
  ...WRITE,
  ttlMs: Type.Optional({ ...TtlMs, description: 'The value is gone after so long; absent: it stays' }),
});

export const KvListQuery = Type.Object({
  ...READ,
  prefix: Type.Optional(Type.String({ description: 'Only keys that begin with it' })),
  after: Type.Optional(Type.String({ description: 'Only keys behind this one' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
});

const IfMatch = Type.Optional(
  Type.String({ description: 'An ETag: only while the key has it; `*`: only if it is there' }),
);
export const KvPutHeaders = Type.Object({
  ...WriteHeaders,
  'If-Match': IfMatch,
  'If-None-Match': Type.Optional(Type.String({ description: '`*`: only if the key is not there' })),
});
export const KvDeleteHeaders = Type.Object({ ...WriteHeaders, 'If-Match': IfMatch });
export const KvGetHeaders = Type.Object({
  'If-None-Match': Type.Optional(Type.String({ description: '304 while the key has one of these ETags' })),
});

export const KvWritten = Type.Object(
  { instanceId: Type.Integer({ minimum: 0 }), index: Type.Integer({ minimum: 0 }) },
  { $id: 'KvWritten' },
);

export const KvItem = Type.Object(
  {
    key: Type.String(),
    encoding: EncodingName,
    value: Type.Unknown({ description: 'As `encoding` says. JSON stands here verbatim' }),
    etag: Type.String({ description: 'As in the header, quotes included' }),
  },
  { $id: 'KvItem' },
);

export const KvPage = Type.Object(
  {
    items: Type.Array(Type.Unsafe<Static<typeof KvItem>>({ $ref: 'KvItem#' })),
    next: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: '`after` of the next page; null: there is none. A page of large values ends before its limit',
    }),
  },
  { $id: 'KvPage' },
);

/** As the machine gives them. */
export interface EntryText {
  readonly key: string;
  readonly etag: string;
  readonly contentType: string;
  readonly encoding: 'json' | 'utf8' | 'base64';
  readonly text: string;
}

export interface PageText {
  readonly items: readonly EntryText[];
  readonly next: string | null;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** So much more than base64 text may take up in the log and still be read there as text. */
const ESCAPES_BYTES_MAX = 8 * 1024;

/** As it stands in the log. Throws invalid-request. */
export function kvPutJson(key: string, value: ReceivedValue, ttlMs: number | undefined, headers: Headers): Buffer {
  const contentType = headers['content-type'] as string | undefined;
  if (contentType !== undefined && !isContentType(contentType)) {
    throw invalidRequest('Content-Type must have at most 256 visible ASCII characters');
  }
  const { encoding, json } = shown(value);
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw invalidRequest('If-None-Match of a write must be *');
  const head = JSON.stringify({
    op: 'put',
    key: checkKey('the key', key),
    contentType,
    encoding,
    ttlMs,
    ifMatch: tagIn(headers['if-match']),
    ifNoneMatch: ifNoneMatch === undefined ? undefined : true,
  });
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"value":`), json, Buffer.from('}')]);
}

/** The value as it stands in the command. Text that JSON would blow up, control characters sixfold, stands as bytes do. */
function shown({ encoding, bytes }: ReceivedValue): {
  readonly encoding: EntryText['encoding'];
  readonly json: Buffer;
} {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (encoding === 'json') return { encoding, json: text };
  const json = Buffer.from(JSON.stringify(text.toString(encoding)));
  if (encoding === 'base64' || json.length <= base64BytesOf(bytes.length) + ESCAPES_BYTES_MAX)
    return { encoding, json };
  return { encoding: 'base64', json: Buffer.from(JSON.stringify(text.toString('base64'))) };
}

/** As it stands in the log. Throws invalid-request. */
export function kvDeleteJson(key: string, headers: Headers): string {
  if (headers['if-none-match'] !== undefined) throw invalidRequest('A DELETE takes If-Match only');
  return JSON.stringify({ op: 'delete', key: checkKey('the key', key), ifMatch: tagIn(headers['if-match']) });
}

/** What stands in the ETag's quotes, or `*`. Any tag is taken; one of somebody else's matches nothing. */
function tagIn(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || header === '*') return header;
  const [, weak, tag = ''] = /^(W\/)?"([\x21\x23-\x7e]{0,60})"$/.exec(String(header)) ?? [];
  if (tag === '') throw invalidRequest('If-Match must be one ETag in quotes, such as "12.0", or *');
  // Compare and set wants the very same: a weak tag is not.
  return weak === undefined ? tag : `W/${tag}`;
}

/** Whether `If-None-Match` of a GET names this ETag. */
export function namesTag(header: string | readonly string[] | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = String(header).split(',');
  return tags.some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === quoted(etag));
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** The value as it came. */
export function kvBytes({ encoding, text }: EntryText): Buffer {
  return Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8');
}

export function kvPageJson({ items, next }: PageText): string {
  return `{"items":[${items.map(itemJson).join(',')}],"next":${JSON.stringify(next)}}`;
}

function itemJson({ key, etag, encoding, text }: EntryText): string {
  const value = encoding === 'json' ? text : JSON.stringify(text);
  return `{"key":${JSON.stringify(key)},"encoding":"${encoding}","value":${value},"etag":${JSON.stringify(quoted(etag))}}`;
}
