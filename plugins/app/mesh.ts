// The peers' door: /mesh. Hands every socket to the mesh, which asks who it is; no token is wanted here, the handshake
// proves the cluster secret. Where the server asks for client certificates, a peer must have shown a valid one as well
// (callers of the API may go without). Links end before the server closes, after the engine was drained.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import fp from 'fastify-plugin';
import type { WebSocket } from 'ws';
import { PaxmeshError } from '../../src/engine/errors.js';

export interface MeshDoor {
  accept(socket: WebSocket, request: IncomingMessage): void;
  close(): Promise<void>;
}

export interface MeshPluginOptions {
  readonly mesh: MeshDoor;
}

const CLOSE_REFUSED = 4401;

export default fp<MeshPluginOptions>(
  async (app, { mesh }) => {
    app.route({
      method: 'GET',
      url: '/mesh',
      exposeHeadRoute: false,
      config: { role: 'open' },
      schema: { hide: true },
      // A node that looks for its seeds reads who answered, and nothing else.
      handler: () => {
        throw new PaxmeshError('not-found', 'Peers open this as a WebSocket; there is nothing else here');
      },
      wsHandler: (socket, { raw, log }) => {
        if (showedCertificate(raw.socket)) return mesh.accept(socket, raw);
        log.warn({ remote: raw.socket.remoteAddress }, 'a peer without a valid certificate was refused');
        socket.close(CLOSE_REFUSED, 'a certificate of the cluster is required');
      },
    });
    app.addHook('preClose', () => mesh.close());
  },
  { name: 'mesh', dependencies: ['websocket'] },
);

/** True also where none was asked for. A session that is resumed counts as authorized even if it never had one. */
function showedCertificate(socket: Socket): boolean {
  if (!(socket instanceof TLSSocket)) return true;
  if (!socket.authorized) return !socket.authorizationError;
  return Object.keys(socket.getPeerCertificate()).length > 0;
}
