// Every failure leaves as a problem document: ours, the framework's, and requests that are not even HTTP.
// Unexpected errors are logged and told as `internal`; no stack trace and no message of theirs leaves the process.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type ErrorCode, PaxmeshError } from '../../src/engine/errors.js';
import { PROBLEM_TYPE, problemJson } from '../../src/schemas/problem.js';

/** How long a sender may go on after its request was refused, before the connection is cut. */
const LINGER_MS = 2000;

export default fp(
  async (app) => {
    app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply));
    app.setNotFoundHandler((request, reply) => sendProblem(notFound(request), request, reply));
    // Decided before a body is read that nobody wants.
    app.addHook('onRequest', (request, _reply, done) => done(request.is404 ? notFound(request) : undefined));
  },
  { name: 'errors' },
);

export function sendProblem(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = paxmeshErrorOf(error);
  if (problem.code === 'internal') {
    request.log.error({ err: error, method: request.method, path: pathOf(request) }, 'unexpected error');
  }
  if (problem.retryAfterMs !== null) reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)));
  if (problem.replayed) reply.header('idempotency-replayed', 'true');
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  // The framework would close now, and a client that is still sending would see a reset in place of the answer.
  reply.removeHeader('connection');
  if (hasBody(request.raw) && !request.raw.complete) linger(request.raw);
  reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(problemJson(problem));
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** What is left of the body is dropped unread by node:http as it comes; not for ever. */
function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, LINGER_MS);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
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

function notFound(request: FastifyRequest): PaxmeshError {
  return new PaxmeshError('not-found', `There is no ${request.method} ${pathOf(request)}`);
}

function pathOf(request: FastifyRequest): string {
  return (request.url.split('?', 1)[0] ?? '').slice(0, 200);
}

/** node:http keeps the answer that is being worked on at its socket, and looks there itself in the same place. */
interface HttpSocket extends Socket {
  readonly _httpMessage?: { readonly req: IncomingMessage; readonly headersSent: boolean } | null;
}

/**
 * For connections whose bytes are no request: too slow, too long, or no HTTP at all. Behind a whole request that is still
 * being worked on, the connection is cut without a word: `outcome: none` would be taken for that request's answer.
 */
export function answerClientError(node: string, error: ClientError, socket: HttpSocket): void {
  const answering = socket._httpMessage;
  const working = answering?.req.complete === true || answering?.headersSent === true;
  if (error.code === 'ECONNRESET' || !socket.writable || working) {
    socket.destroy();
    return;
  }
  const [status, words, detail, code] = refusalOf(error);
  const document = JSON.parse(problemJson(new PaxmeshError(code, detail))) as object;
  const body = JSON.stringify({ ...document, status });
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\nPaxmesh-Node: ${node}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

interface ClientError extends NodeJS.ErrnoException {
  /** What the parser gave up on, a Buffer. */
  readonly rawPacket?: unknown;
}

type ClientRefusal = readonly [number, string, string, ErrorCode];

const CLIENT_ERRORS: Readonly<Record<string, ClientRefusal>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'URL and headers are too long', 'invalid-request'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time', 'invalid-request'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'The chunk extensions are too long', 'invalid-request'],
};

const METHOD_LINE = /^[A-Z][A-Z-]{0,31} \//;

function refusalOf({ code = '', rawPacket }: ClientError): ClientRefusal {
  const start = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, 64) : '';
  if (code === 'HPE_INVALID_METHOD' && METHOD_LINE.test(start))
    return [404, 'Not Found', 'Nothing here takes this method', 'not-found'];
  return CLIENT_ERRORS[code] ?? [400, 'Bad Request', 'This is not well-formed HTTP/1.1', 'invalid-request'];
}
