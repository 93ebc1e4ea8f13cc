// `paxmesh dev` where another program has one of its ports: it says so and ends, whatever that program answers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

async function devAgainst(listener: RequestListener): Promise<{ status: unknown; stderr: string; port: number }> {
  const data = mkdtempSync(join(tmpdir(), 'paxmesh-dev-'));
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const child = spawn(process.execPath, [CLI, 'dev', '--nodes', '1', '--port', String(port), '--data', data], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => {
      stderr += text.toString();
    });
    const [status] = await once(child, 'close');
    return { status, stderr, port };
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(data, { recursive: true });
  }
}

describe('dev on a port that is taken', () => {
  it('is refused with one line when the other program answers as a node would', async () => {
    const { status, stderr, port } = await devAgainst((_request, response) => response.end('{"node":"a"}'));
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^paxmesh: 127\\.0\\.0\\.1:${port} is in use[^\\n]*\\n$`));
  });

  it('is refused just so when the other program never answers', async () => {
    const { status, stderr, port } = await devAgainst(() => undefined);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use`));
  });
});
