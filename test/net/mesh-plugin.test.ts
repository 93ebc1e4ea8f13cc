import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import { type ClientOptions, WebSocket } from 'ws';
import meshPlugin from '../../plugins/app/mesh.js';
import websocket from '../../plugins/external/websocket.js';
import type { TraceNote } from '../../src/engine/ports.js';
import { Mesh, type MeshOptions } from '../../src/net/mesh.js';
import { ask, Recorder } from '../conformance/transport.js';
import { AUTHORITY, NODE_CERTIFICATE, NODE_KEY, STRANGER_CERTIFICATE, STRANGER_KEY } from './certificates.js';
import { FRAME_BYTES_MAX, until } from './mesh-world.js';

interface Served {
  readonly app: FastifyInstance;
  readonly mesh: Mesh;
  readonly heard: Recorder;
  readonly notes: TraceNote[];
  readonly url: string;
}

const cluster = { ca: AUTHORITY, cert: NODE_CERTIFICATE, key: NODE_KEY };
const NO_CERTIFICATE = [4401, 'a certificate of the cluster is required'];

async function farewell(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

describe('the mesh plugin', () => {
  const served: Served[] = [];

  afterEach(async () => {
    await Promise.all(served.splice(0).map(({ app }) => app.close()));
  });

  async function serve(
    id: string,
    isSecure: boolean,
    tls?: NonNullable<MeshOptions['tls']>,
    requestCert = true,
  ): Promise<Served> {
    const https = { ...cluster, requestCert, rejectUnauthorized: false };
    const app = isSecure ? (Fastify({ https }) as unknown as FastifyInstance) : Fastify();
    const notes: TraceNote[] = [];
    const mesh = new Mesh({
      id,
      store: () => `store-of-${id}`,
      secret: null,
      gids: () => ({}),
      frameBytesMax: FRAME_BYTES_MAX,
      trace: (note) => notes.push(note),
      onFatal: assert.ifError,
      ...(tls === undefined ? {} : { tls }),
    });
    await app.register(websocket, { commandBytesMax: 1024 });
    await app.register(meshPlugin, { mesh });
    const heard = new Recorder();
    mesh.listen(heard);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const node = { app, mesh, heard, notes, url };
    served.push(node);
    return node;
  }

  async function talk(a: Served, b: Served): Promise<void> {
    a.mesh.setPeers([{ id: 'b', url: b.url }]);
    await until('they are linked', () => a.mesh.isConnected('b') && b.mesh.isConnected('a'));
    a.mesh.send('b', 'main', ask(1));
    a.mesh.flush();
    await until('it arrives', () => b.heard.opens('a').length === 1);
  }

  test('links two nodes over the port that serves everything else', async () => {
    await talk(await serve('a', false), await serve('b', false));
  });

  test('links two nodes over TLS that show certificates of their authority', async () => {
    await talk(await serve('a', true, cluster), await serve('b', true, cluster));
  });

  test('closes 4401 on a peer without a certificate, or with one of another authority', async () => {
    const b = await serve('b', true, cluster);
    for (const shown of [{}, { cert: STRANGER_CERTIFICATE, key: STRANGER_KEY }]) {
      const socket = new WebSocket(`${b.url.replace('https', 'wss')}/mesh`, { ca: AUTHORITY, ...shown });
      assert.deepEqual(await farewell(socket), NO_CERTIFICATE);
    }
    assert.deepEqual(b.heard.events, []);
  });

  test('closes 4401 on a peer that resumes a session which never showed a certificate', async () => {
    const b = await serve('b', true, cluster);
    const first = connect({ host: '127.0.0.1', port: Number(new URL(b.url).port), ca: AUTHORITY });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const options: ClientOptions & { session: Buffer } = { ca: AUTHORITY, session };
    const socket = new WebSocket(`${b.url.replace('https', 'wss')}/mesh`, options);
    assert.deepEqual(await farewell(socket), NO_CERTIFICATE);
    assert.deepEqual(b.heard.events, []);
  });

  test('works over TLS where nobody asks for certificates', async () => {
    await talk(await serve('a', true, { ca: AUTHORITY }, false), await serve('b', true, { ca: AUTHORITY }, false));
  });

  test('does not dial a server whose certificate its authority did not sign', async () => {
    const b = await serve('b', true, cluster);
    const a = await serve('a', true, { ...cluster, ca: STRANGER_CERTIFICATE });
    a.mesh.setPeers([{ id: 'b', url: b.url }]);
    await until('it says so', () => a.notes.some(({ name }) => name === 'mesh-dial-failed'));
    assert.deepEqual([...a.heard.events, ...b.heard.events], []);
  });

  test('answers a plain request with 404 and closes its links when the server closes', async () => {
    const [a, b] = [await serve('a', false), await serve('b', false)];
    await talk(a, b);
    assert.equal((await b.app.inject({ url: '/mesh' })).statusCode, 404);
    await b.app.close();
    await until('a has noticed', () => !a.mesh.isConnected('b'));
    assert.deepEqual(b.heard.events, ['connected a', 'disconnected a']);
  });
});
