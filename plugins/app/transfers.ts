// Bodies that are longer than memory: one out and one in at a time, each at the pace of its slower end. A body that comes in
// may take as long as it likes, but every piece of it must come in time; the limit on whole requests is lifted meanwhile. A
// body that goes out and fails ends with a broken connection, never with a clean end.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { PaxmeshError } from '../../src/engine/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    transfers: Transfers;
  }
}

interface Transfers {
  /** What is to be sent; its source is asked for when nothing else is on its way out. */
  send(reply: FastifyReply, source: () => Promise<AsyncIterable<Uint8Array>>): Promise<Readable>;
  /** Hands the body to `work`, piece by piece. */
  receive<T>(request: FastifyRequest, work: (body: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
}

interface TransferOptions {
  readonly pieceMs: number;
}

export default fp<TransferOptions>(
  async (app, { pieceMs }) => {
    const busy = { sending: false, receiving: false };
    const mustBeFree = (isBusy: boolean, what: string): void => {
      if (isBusy) throw new PaxmeshError('overloaded', `Another ${what} is under way on this node`);
    };

    const send: Transfers['send'] = async (reply, source) => {
      mustBeFree(busy.sending, 'backup');
      busy.sending = true;
      reply.raw.once('close', () => {
        busy.sending = false;
      });
      const stream = Readable.from(await source(), { objectMode: false });
      stream.once('error', (error) => app.log.error({ err: error }, 'what was being sent broke off'));
      return stream;
    };

    const receive: Transfers['receive'] = async ({ raw }, work) => {
      mustBeFree(busy.receiving, 'restore');
      busy.receiving = true;
      const { requestTimeout } = app.server;
      const { timeout } = raw.socket;
      app.server.requestTimeout = 0;
      // When all has come nothing moves on the connection until the work is done.
      raw.socket.setTimeout(0);
      const stop = new AbortController();
      const forget = app.lifecycle.onClosing(() => stop.abort());
      const pieces = raw.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
      try {
        return await work(inTime(pieces, pieceMs, stop.signal));
      } finally {
        forget();
        app.server.requestTimeout = requestTimeout;
        raw.socket.setTimeout(timeout ?? 0);
        busy.receiving = false;
        // What nobody has read is dropped as it comes, so that the answer gets through.
        void pieces.return?.().then(() => raw.resume());
      }
    };

    app.decorate('transfers', { send, receive });
  },
  { name: 'transfers', dependencies: ['lifecycle'] },
);

/** Only the sender is timed, not what is done with the piece. */
async function* inTime(
  pieces: AsyncIterator<Uint8Array>,
  pieceMs: number,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await before(pieces.next(), pieceMs, stop);
    if (next.done === true) return;
    yield next.value;
  }
}

function before<T>(work: Promise<T>, ms: number, stop: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new PaxmeshError('invalid-request', `The body has stopped: nothing came for ${ms} ms`));
    const going = () => reject(new PaxmeshError('draining', 'This node is going; ask another one'));
    const timer = setTimeout(late, ms);
    stop.addEventListener('abort', going);
    if (stop.aborted) going();
    work
      .then(resolve, (error: Error) =>
        reject(new PaxmeshError('invalid-request', `The body broke off: ${error.message}`)),
      )
      .finally(() => {
        clearTimeout(timer);
        stop.removeEventListener('abort', going);
      });
  });
}
