// WebSockets on the same port as everything else: @fastify/websocket with our limits and our way of closing.
// Promises: no peer that ignores the close frame holds the shutdown up; pages of other origins get no socket; an upgrade
// of an address that is not a WebSocket is refused before it happens (the library would answer 101 and then close).
import websocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { WebSocket } from 'ws';
import { PaxmeshError } from '../../src/engine/errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by this plugin on routes that upgrade. */
    isWebSocket?: boolean;
  }
}

export interface WebSocketOptions {
  readonly valueBytesMax: number;
}

/** The largest frame anybody may send: a value of a full batch with the names and keys of its entries. */
const FRAME_OVERHEAD_BYTES = 8 * 1024 * 1024;
const GOING_AWAY = 1001;
const CLOSE_GRACE_MS = 500;

export default fp<WebSocketOptions>(
  async (app, { valueBytesMax }) => {
    app.addHook('onRoute', (route) => {
      if (route.websocket === true || route.wsHandler !== undefined) route.config = { ...route.config, isWebSocket: true };
    });
    await app.register(websocket, {
      options: { maxPayload: valueBytesMax + FRAME_OVERHEAD_BYTES, perMessageDeflate: false },
      // Named function: the library calls it with the instance as `this`.
      preClose: function closeSockets(this: FastifyInstance, done: () => void) {
        closeAll(this.websocketServer.clients).then(() => this.websocketServer.close(() => done()));
      },
      errorHandler: (error, socket, request) => {
        request.log.debug({ err: error }, 'websocket failed');
        socket.terminate();
      },
    });
    app.addHook('onRequest', (request, _reply, done) => {
      if (!request.ws || request.is404) return done();
      if (request.routeOptions.config.isWebSocket !== true) return done(new PaxmeshError('invalid-request', 'This address cannot be upgraded'));
      done();
    });
  },
  { name: 'websocket' },
);

async function closeAll(clients: ReadonlySet<WebSocket>): Promise<void> {
  const closed = [...clients].map(
    (client) => new Promise<void>((resolve) => {
      if (client.readyState === client.CLOSED) return resolve();
      client.once('close', () => resolve());
      client.close(GOING_AWAY, 'going away');
    }),
  );
  const timer = setTimeout(() => {
    for (const client of clients) client.terminate();
  }, CLOSE_GRACE_MS);
  await Promise.all(closed);
  clearTimeout(timer);
}
