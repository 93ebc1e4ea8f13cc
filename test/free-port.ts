// Ports for processes that are killed and started again. They lie below the system's range for outgoing connections, so
// that a port stays free while its process is down. Each test process takes a corner for itself, by holding the first
// port of it for as long as it lives, so that two of them never meet.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const PORTS_FROM = 10_000;
const CORNERS = 73;
const CORNER_PORTS = 300;

let corner: Promise<number> | null = null;
let next = 1;

/** `count` ports in a row, none of which anybody listens on; the first of them. */
export async function freePorts(count: number): Promise<number> {
  corner ??= takeCorner();
  const from = await corner;
  for (let tries = 0; tries < CORNER_PORTS; tries++) {
    if (next + count > CORNER_PORTS) next = 1;
    const first = from + next;
    next += count;
    const ports = Array.from({ length: count }, (_, place) => first + place);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

export const freePort = (): Promise<number> => freePorts(1);

async function takeCorner(): Promise<number> {
  for (let tries = 0; tries < CORNERS; tries++) {
    const from = PORTS_FROM + ((process.pid + tries) % CORNERS) * CORNER_PORTS;
    const guard = await listen(from);
    if (guard === null) continue;
    guard.unref();
    return from;
  }
  throw new Error('all corners are taken');
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === null) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** null: somebody else does. */
function listen(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
