// Puts the edge of a node under somebody else's app: requests for its addresses are handed over as they come, after the hooks
// of the host have let them through. Two apps, so that neither sees the other's hooks, parsers, decorators or error handler.
// The peers' door is not for the host's hooks to guard: what comes there proves the cluster secret, not a user.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerOn, catchUpgrades, type Upgrade } from './upgrades.js';

export interface MountOptions {
  /** The edge, ready. */
  readonly edge: FastifyInstance;
  /** What the paths of its API begin with. */
  readonly prefix: string;
  /** Whether its API is served at all. */
  readonly http: boolean;
  /** Whether a peer may come from there. */
  readonly mayLink: (address: string | undefined) => boolean;
}

const MESH = '/mesh';

export async function mount(app: FastifyInstance, { edge, prefix, http, mayLink }: MountOptions): Promise<void> {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();
  const handOver = ({ raw }: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const upgrade = upgrades.get(raw);
    if (upgrade === undefined) edge.routing(raw, reply.raw);
    else raise(edge, raw, upgrade, reply.raw);
  };
  await app.register(async (scope) => {
    // A body is read where it is handed to, by that side's rules.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const schema = { hide: true };
    // Says which node this is, for seeds.
    scope.route({ method: 'GET', url: MESH, exposeHeadRoute: false, schema, handler: handOver });
    if (!http) return;
    const method = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
    scope.route({ method, url: `${prefix}/v1/*`, schema, handler: handOver });
  });
  catchUpgrades(app, (path) => {
    if (path === MESH) {
      return (raw, upgrade) => {
        if (mayLink(raw.socket.remoteAddress)) raise(edge, raw, upgrade);
        else refuse(app, raw, upgrade);
      };
    }
    if (!http || !path.startsWith(`${prefix}/v1/`)) return null;
    return (raw, upgrade) => {
      upgrades.set(raw, upgrade);
      answerOn(app, raw, upgrade.socket);
    };
  });
}

/** `response`: what the host would have answered with. */
function raise(
  edge: FastifyInstance,
  raw: IncomingMessage,
  { socket, head }: Upgrade,
  response?: ServerResponse,
): void {
  response?.detachSocket(socket as Socket);
  edge.server.emit('upgrade', raw, socket, head);
}

function refuse(app: FastifyInstance, { socket: { remoteAddress } }: IncomingMessage, { socket }: Upgrade): void {
  app.log.warn({ remote: remoteAddress }, 'a peer from another machine was refused: set clusterSecret, or insecure');
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
}
