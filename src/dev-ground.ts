// What `paxmesh dev` looks at before it starts anything: whether its ports are free, and whether the data it finds belongs
// to a cluster of this shape. A cluster's members keep the addresses they were founded with, so the same data under other
// ports would be nodes that call where nobody is.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface Shape {
  readonly nodes: number;
  readonly port: number;
}

/** Throws when somebody listens on one of the ports. */
export async function checkPorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const refused = await new Promise<string | undefined>((resolve) => {
      const server = createServer();
      server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
    });
    if (refused === undefined) continue;
    if (refused === 'EADDRINUSE') {
      throw new Error(`127.0.0.1:${port} is in use by another process: stop it, or choose other ports with --port`);
    }
    throw new Error(`cannot listen on port ${port} (${refused}): choose another with --port`);
  }
}

/** Throws when the data are of a cluster of another shape. */
export function checkShape(data: string, store: string, wanted: Shape): void {
  const found = readShape(fileOf(data, store));
  if (found === null || (found.nodes === wanted.nodes && found.port === wanted.port)) return;
  const { nodes, port } = found;
  throw new Error(
    `the cluster under ${data} has ${nodes} nodes from port ${port} on: ` +
      `add --nodes ${nodes} --port ${port}, or choose another directory with --data`,
  );
}

/** To be called when the cluster is founded. */
export function keepShape(data: string, store: string, { nodes, port }: Shape): void {
  writeFileSync(fileOf(data, store), `${JSON.stringify({ nodes, port })}\n`);
}

const fileOf = (data: string, store: string): string => join(data, `dev-${store}.json`);

function readShape(file: string): Shape | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Shape;
  } catch (error) {
    // Cut short by a crash, it says as little as one that was never written.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
