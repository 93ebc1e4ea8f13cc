// WebSockets on the same port as everything else: @fastify/websocket with our limits and our way of closing.
// Promises: no peer that ignores the close frame holds the shutdown up. Must be registered before every hook that may
// refuse a request: the library closes a refused upgrade's socket only when its own hook has marked the request.
import websocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { WebSocket } from 'ws';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by this plugin on routes that upgrade. */
    isWebSocket?: boolean;
  }
}

interface WebSocketOptions {
  readonly commandBytesMax: number;
}

/** The largest frame anybody may send, a little above what the mesh allows itself: it refuses with codes of its own. */
const FRAME_OVERHEAD_BYTES = 9 * 1024 * 1024;
const GOING_AWAY = 1001;
const CLOSE_GRACE_MS = 500;

export default fp<WebSocketOptions>(
  async (app, { commandBytesMax }) => {
    app.addHook('onRoute', (route) => {
      if (route.websocket === true || route.wsHandler !== undefined)
        route.config = { ...route.config, isWebSocket: true };
    });
    await app.register(websocket, {
      options: { maxPayload: commandBytesMax + FRAME_OVERHEAD_BYTES, perMessageDeflate: false },
      // Named function: the library calls it with the instance as `this`.
      preClose: function closeSockets(this: FastifyInstance, done: () => void) {
        // From here on no upgrade is let in, and it is through when the last socket has gone. The other way round, who
        // comes back in between would hold it up for as long as it likes.
        this.websocketServer.close(() => done());
        void closeAll(this.websocketServer.clients);
      },
      errorHandler: (error, socket, request) => {
        request.log.debug({ err: error }, 'websocket failed');
        socket.terminate();
      },
    });
  },
  { name: 'websocket' },
);

async function closeAll(clients: ReadonlySet<WebSocket>): Promise<void> {
  const closed = [...clients].map(
    (client) =>
      new Promise<void>((resolve) => {
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
