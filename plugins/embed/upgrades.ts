// WebSockets on somebody else's server. Upgrades of our own addresses never reach whoever else listens for upgrades there
// (@fastify/websocket, for one, would answer them a second time); all others reach them as before. Where nobody else
// listens, a request that asks for another protocol is answered as if it had not asked, as it was before this plugin came.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';

export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

type Route = (raw: IncomingMessage, upgrade: Upgrade) => void;

/** `ours` answers what to do with a request for this path; null: it is not ours. */
export function catchUpgrades(app: FastifyInstance, ours: (path: string) => Route | null): void {
  const { server } = app;
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  // Listeners that come later, also at the sockets for further addresses, are passed by as well.
  server.emit = ((event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'upgrade') return emit(event, ...args);
    const [raw, socket, head] = args as [IncomingMessage, Duplex, Buffer];
    const route = ours((raw.url ?? '').split('?', 1)[0] ?? '');
    if (route === null) return emit(event, ...args);
    socket.on('error', () => socket.destroy());
    route(raw, { socket, head });
    return true;
  }) as typeof server.emit;
  // Without any listener the server would not tell of upgrades at all.
  server.on('upgrade', (raw, socket) => {
    if (server.listenerCount('upgrade') > 1) return;
    socket.on('error', () => socket.destroy());
    if (raw.headers['content-length'] === undefined && raw.headers['transfer-encoding'] === undefined) {
      answerOn(app, raw, socket);
    } else {
      // Its body is past reading.
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
    }
  });
}

/** Through the app's hooks and routes, like any request. The connection ends with the answer. */
export function answerOn(app: FastifyInstance, raw: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(raw);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
  response.once('finish', () => socket.end());
  app.routing(raw, response);
}
