// Ports for processes that are killed and started again. They lie below the system's range for outgoing connections, so
// that a port stays free while its process is down, and each test process looks in a corner of its own, so that two of
// them do not meet.
import { once } from 'node:events';
import { createServer } from 'node:net';

const PORTS_FROM = 10_000;
const CORNERS = 73;
const CORNER_PORTS = 300;

let next = 0;

/** `count` ports in a row, none of which anybody listens on; the first of them. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < CORNER_PORTS; tries++) {
    if (next + count > CORNER_PORTS) next = 0;
    const first = PORTS_FROM + (process.pid % CORNERS) * CORNER_PORTS + next;
    next += count;
    const ports = Array.from({ length: count }, (_, place) => first + place);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

export const freePort = (): Promise<number> => freePorts(1);

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!listens) return false;
  server.close();
  await once(server, 'close');
  return true;
}
