// The peers' door: /mesh. Hands every socket to the mesh, which asks who it is; no token is wanted here, the handshake
// proves the cluster secret. Links end before the server closes, after the engine was drained.
import type { IncomingMessage } from 'node:http';
import fp from 'fastify-plugin';
import type { WebSocket } from 'ws';

export interface MeshDoor {
  accept(socket: WebSocket, request: IncomingMessage): void;
  close(): Promise<void>;
}

export interface MeshPluginOptions {
  readonly mesh: MeshDoor;
}

export default fp<MeshPluginOptions>(
  async (app, { mesh }) => {
    app.get('/mesh', { websocket: true, config: { role: 'open' } }, (socket, request) => mesh.accept(socket, request.raw));
    app.addHook('preClose', () => mesh.close());
  },
  { name: 'mesh', dependencies: ['websocket'] },
);
