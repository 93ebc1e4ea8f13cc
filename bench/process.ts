// Server processes for measuring: started on free ports in a directory of their own, awaited, accounted, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url));

export class Processes {
  readonly directory = mkdtempSync(join(tmpdir(), 'paxmesh-bench-'));
  readonly #children: ChildProcess[] = [];

  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    const child = spawn(command, args, { env, cwd: this.directory, stdio: 'ignore' });
    this.#children.push(child);
    return child;
  }

  async end(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Cluster {
  readonly urls: readonly URL[];
  readonly children: readonly ChildProcess[];
  /** Place of the leader. */
  readonly leader: number;
}

export async function startPaxmesh(
  processes: Processes,
  store: 'embedded' | 'redis',
  extra: NodeJS.ProcessEnv = {},
): Promise<Cluster> {
  const ids = ['a', 'b', 'c'];
  const ports = await freePorts(6);
  const urls = ids.map((_, place) => new URL(`http://127.0.0.1:${ports[place]}`));
  const members = ids.map((id, place) => `${id}=${urls[place]?.origin}`).join(',');
  const children: ChildProcess[] = [];
  for (const [place, id] of ids.entries()) {
    let storeUrl = `embedded:${join(processes.directory, id)}`;
    if (store === 'redis') {
      const port = String(ports[3 + place]);
      const directory = mkdtempSync(join(processes.directory, 'redis-'));
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--aof-load-truncated', 'no', '--save', ''];
      processes.start('redis-server', [
        '--port',
        port,
        '--dir',
        directory,
        '--maxmemory-policy',
        'noeviction',
        ...durable,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      storeUrl = `redis://127.0.0.1:${port}`;
    }
    const env = {
      PAXMESH_NODE: id,
      PAXMESH_LISTEN: urls[place]?.host,
      PAXMESH_MEMBERS: members,
      PAXMESH_STORE: storeUrl,
      PAXMESH_LOG_LEVEL: 'warn',
      ...extra,
    };
    children.push(startNode(processes, env));
  }
  const leader = await until(async () => {
    const answers = await Promise.all(urls.map((url) => json(new URL('/v1/groups/main/master', url))));
    const place = answers.findIndex((answer) => answer?.['self'] === true);
    return place < 0 ? null : place;
  });
  return { urls, children, leader };
}

export async function startEtcd(processes: Processes): Promise<Cluster> {
  const ports = await freePorts(6);
  const names = ['e0', 'e1', 'e2'];
  const peer = (place: number) => `http://127.0.0.1:${ports[3 + place]}`;
  const urls = names.map((_, place) => new URL(`http://127.0.0.1:${ports[place]}`));
  const cluster = names.map((name, place) => `${name}=${peer(place)}`).join(',');
  const children = names.map((name, place) => {
    const url = urls[place]?.origin ?? '';
    const client = ['--listen-client-urls', url, '--advertise-client-urls', url];
    const peers = [
      '--listen-peer-urls',
      peer(place),
      '--initial-advertise-peer-urls',
      peer(place),
      '--initial-cluster',
      cluster,
    ];
    const rest = ['--name', name, '--data-dir', join(processes.directory, name), '--log-level', 'error'];
    return processes.start('etcd', [...rest, ...client, ...peers]);
  });
  const leader = await until(async () => {
    const answers = await Promise.all(urls.map((url) => json(new URL('/v3/maintenance/status', url), '{}')));
    const place = answers.findIndex((answer) => {
      const id = (answer?.['header'] as { member_id?: string } | undefined)?.member_id;
      return id !== undefined && id === answer?.['leader'];
    });
    return place < 0 ? null : place;
  });
  return { urls, children, leader };
}

/** A Paxmesh node with these settings; `launcher`: the command line that its own is put behind. */
export function startNode(
  processes: Processes,
  settings: NodeJS.ProcessEnv,
  launcher: readonly string[] = [],
): ChildProcess {
  const [command = '', ...args] = [...launcher, process.execPath, CLI, 'serve'];
  return processes.start(command, args, { ...process.env, ...settings });
}

/** User and system time of processes, in milliseconds. */
export function cpuMs(children: readonly { readonly pid?: number | undefined }[]): number {
  let ticks = 0;
  for (const { pid } of children) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function until<T>(look: () => Promise<T | null>, withinMs = 30_000): Promise<T> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a server did not come up');
}

async function json(url: URL, body?: string): Promise<Record<string, unknown> | null> {
  try {
    const answer = await fetch(url, body === undefined ? {} : { method: 'POST', body });
    return answer.ok ? ((await answer.json()) as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
