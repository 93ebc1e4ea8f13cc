// What a body is: from a Content-Type and bytes to the encoding a value is kept under. The bytes are never changed.
import { isUtf8 } from 'node:buffer';
import { type Static, Type } from 'typebox';
import { invalidRequest } from './problem.js';

export const EncodingName = Type.Unsafe<'json' | 'utf8' | 'base64'>({
  type: 'string',
  enum: ['json', 'utf8', 'base64'],
  description: 'json: the value is the JSON itself; utf8: a string; base64: bytes',
});

export const Value = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: 'Place inside the instance' }),
    machine: Type.String(),
    encoding: EncodingName,
    value: Type.Unknown({ description: 'As `encoding` says. JSON stands here verbatim' }),
    applied: Type.Optional(Type.Literal(false, { description: 'Chosen, but had no effect; see `reason`' })),
    reason: Type.Optional(Type.String()),
  },
  { $id: 'Value' },
);
export type Value = Static<typeof Value>;

export interface ReceivedValue {
  readonly encoding: 'json' | 'utf8' | 'base64';
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Throws invalid-request when JSON does not parse or text is not UTF-8. */
export function receiveValue(contentType: string | undefined, body: Buffer | undefined): ReceivedValue {
  const bytes = body ?? NOTHING;
  const encoding = encodingOf(contentType);
  if (encoding === 'base64') return { encoding, bytes };
  checkUtf8(bytes, contentType);
  if (encoding === 'json') checkJson(body);
  return { encoding, bytes };
}

export function checkJson(text: Buffer | undefined): void {
  try {
    JSON.parse(text === undefined ? '' : text.toString('utf8'));
  } catch (error) {
    throw invalidRequest(`The body is not well-formed JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function checkUtf8(bytes: Uint8Array, contentType: string | undefined): void {
  const charset =
    contentType === undefined ? null : /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw invalidRequest(`Text must be UTF-8; send other character sets as application/octet-stream`);
  }
  if (!isUtf8(bytes)) throw invalidRequest('The body is declared as text or JSON but is not valid UTF-8');
}

function encodingOf(contentType: string | undefined): ReceivedValue['encoding'] {
  if (contentType === undefined) return 'base64';
  if (contentType === 'application/json') return 'json';
  const end = contentType.indexOf(';');
  const essence = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  if (essence === 'application/json' || essence.endsWith('+json')) return 'json';
  return essence.startsWith('text/') ? 'utf8' : 'base64';
}
