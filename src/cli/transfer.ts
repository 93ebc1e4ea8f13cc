// Bytes between a node and a file, at the pace of the slower end, and the count of them for whoever waits: on standard error,
// and only where somebody looks. fetch cannot do this both ways; node:http can.
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { type Client, failureOf } from './client.js';
import { CommandFailed } from './errors.js';

const TELL_MS = 200;

export interface Body {
  readonly stream: AsyncIterable<Uint8Array>;
  /** Said beforehand, so that what is too long is refused before any of it is sent. */
  readonly bytes: number;
}

/** The answer to a request with this body. Throws CommandFailed for anything but a success. */
export async function exchange(
  { url, headers, json }: Client,
  method: string,
  path: string,
  body: Body | null,
): Promise<IncomingMessage> {
  const isSecure = url.protocol === 'https:';
  const send = isSecure ? requestHttps : requestHttp;
  // Kept alive: a node that closed after its answer would cut off who is still sending before that is read.
  const agent = new (isSecure ? SecureAgent : Agent)({ keepAlive: true });
  const type =
    body === null ? {} : { 'content-type': 'application/octet-stream', 'content-length': String(body.bytes) };
  const request = send(new URL(path, url), { method, headers: { ...headers, ...type }, agent });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
  // A node that refuses may answer before it has read everything, and read no more: its answer counts.
  const sent = body === null ? Promise.resolve(request.end()) : pipeline(body.stream, request);
  const [answer] = await Promise.all([answered, Promise.race([sent, answered])]).catch(
    (error: NodeJS.ErrnoException) => {
      throw new CommandFailed(`cannot reach ${url.origin}: ${error.code ?? error.message}`);
    },
  );
  sent.catch(() => undefined);
  if (answer.statusCode === 200) return answer;
  const text = await textOf(answer);
  request.destroy();
  throw failureOf(answer.statusCode ?? 0, text, json);
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** Passes everything on and counts it. */
export async function* counted(stream: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) {
    progress.add(piece.length);
    yield piece;
  }
}

export class Progress {
  bytes = 0;
  readonly #isSeen: boolean;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(isSeen: boolean) {
    this.#isSeen = isSeen;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    const now = performance.now();
    if (!this.#isSeen || now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    process.stderr.write(`\r${inWords(this.bytes)} `);
  }

  /** The line is free for something else. */
  end(): void {
    if (this.#isSeen && this.bytes > 0) process.stderr.write(`\r${inWords(this.bytes)}\n`);
  }
}

export function inWords(bytes: number): string {
  return bytes < 1_000_000 ? `${bytes} bytes` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
