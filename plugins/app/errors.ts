// Every failure leaves as a problem document: ours, the framework's, and requests that are not even HTTP.
// Unexpected errors are logged and told as `internal`; no stack trace and no message of theirs leaves the process.
import { type FastifyError, type FastifyReply, type FastifyRequest, type RawServerDefault } from 'fastify';
import fp from 'fastify-plugin';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, PaxmeshError } from '../../src/engine/errors.js';
import { PROBLEM_TYPE, problemJson } from '../../src/schemas/problem.js';

/** How long a sender may go on after its request was refused, before the connection is cut. */
const LINGER_MS = 2000;

export default fp(
  async (app) => {
    app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply));
    app.setNotFoundHandler((request, reply) => {
      sendProblem(new PaxmeshError('not-found', `There is no ${request.method} ${pathOf(request.url)}`), request, reply);
    });
  },
  { name: 'errors' },
);

export function sendProblem(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = paxmeshErrorOf(error);
  if (problem.code === 'internal') request.log.error({ err: error }, 'unexpected error');
  if (problem.retryAfterMs !== null) reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)));
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  // The framework would close now, and a client that is still sending would see a reset in place of the answer.
  reply.removeHeader('connection');
  if (!request.raw.complete && !request.ws) linger(request.raw);
  reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(problemJson(problem));
}

/** What is left of the body is dropped unread by node:http as it comes; not for ever. */
function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  request.once('close', () => {
    if (request.complete) clearTimeout(timer);
  });
}

const FRAMEWORK: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['value-too-large', 'The body is larger than this node takes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-encoding', 'Content-Type is malformed, or not one that is taken here'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid-request', 'The body is not well-formed JSON'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid-request', 'The body is empty'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid-request', 'The body does not have the length that Content-Length says'],
  FST_ERR_BAD_URL: ['invalid-request', 'The path is not a well-formed URL'],
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  413: 'value-too-large',
  415: 'unsupported-encoding',
};

function paxmeshErrorOf(error: Error & Partial<FastifyError>): PaxmeshError {
  if (error instanceof PaxmeshError) return error;
  const known = error.code === undefined ? undefined : FRAMEWORK[error.code];
  if (known !== undefined) return new PaxmeshError(known[0], known[1]);
  if (error.validation !== undefined) return new PaxmeshError('invalid-request', error.message);
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new PaxmeshError(BY_STATUS[status] ?? 'invalid-request', error.message);
  return new PaxmeshError('internal', 'Something went wrong on this node; its log says more', { cause: error });
}

function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 200);
}

/** For connections whose bytes are no request: too slow, too long, or no HTTP at all. */
export function answerClientError(this: { readonly server?: RawServerDefault } | unknown, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const [status, words, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'Bad Request', 'This is not well-formed HTTP/1.1'];
  const document = JSON.parse(problemJson(new PaxmeshError('invalid-request', detail))) as object;
  const body = JSON.stringify({ ...document, status });
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'URL and headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'The chunk extensions are too long'],
};
