// What a body is: from a Content-Type and bytes to the encoding a value is kept under. The bytes are never changed.
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
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

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** For the routes registered in this scope: bodies are bytes as they come. The framework's own parsers would change them. */
export function receiveAnything(
  app: Pick<FastifyInstance, 'removeAllContentTypeParsers' | 'addContentTypeParser' | 'addHook'>,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  // Any Content-Type is taken. One that is no media type says nothing of the body; the framework would refuse it.
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request.raw;
    if (headers['content-type'] !== undefined && !MEDIA_TYPE.test(headers['content-type']))
      delete headers['content-type'];
    done();
  });
}

/** Throws invalid-request when JSON does not parse or text is not UTF-8. */
export function receiveValue(contentType: string | undefined, body: Buffer | undefined): ReceivedValue {
  const bytes = body ?? NOTHING;
  const { encoding, isUtf8Declared } = kindOf(contentType);
  if (encoding === 'base64') return { encoding, bytes };
  if (!isUtf8Declared) {
    throw invalidRequest('Text must be UTF-8; send other character sets as application/octet-stream');
  }
  if (!isUtf8(bytes)) throw invalidRequest('The body is declared as text or JSON but is not valid UTF-8');
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

interface Kind {
  readonly encoding: ReceivedValue['encoding'];
  readonly isUtf8Declared: boolean;
}

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);
const JSON_KIND: Kind = { encoding: 'json', isUtf8Declared: true };
const BYTES_KIND: Kind = { encoding: 'base64', isUtf8Declared: true };

function kindOf(contentType: string | undefined): Kind {
  if (contentType === 'application/json') return JSON_KIND;
  if (contentType === undefined) return BYTES_KIND;
  const end = contentType.indexOf(';');
  const essence = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  const isJson = essence === 'application/json' || essence.endsWith('+json');
  if (!isJson && !essence.startsWith('text/')) return BYTES_KIND;
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
  return { encoding: isJson ? 'json' : 'utf8', isUtf8Declared: UTF8_NAMES.has(charset) };
}
