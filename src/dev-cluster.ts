// A whole cluster on one machine, for trying things out: one process per node (and one redis-server per node with
// `store: redis`), the same processes as in production, watched and started again when they die. It tells what happens as
// events; it prints nothing. Node ids are a, b, c …
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface DevClusterOptions {
  readonly nodes: number;
  readonly port: number;
  readonly data: string;
  readonly store: 'embedded' | 'redis';
  /** Comma-separated. */
  readonly groups: string;
}

export type DevEvent =
  | { readonly type: 'starting'; readonly nodes: number; readonly store: string; readonly data: string }
  | { readonly type: 'up' | 'back'; readonly node: string; readonly url: string; readonly pid: number }
  | { readonly type: 'ready'; readonly urls: readonly string[]; readonly master: string | null }
  | { readonly type: 'master'; readonly group: string; readonly master: string | null }
  | { readonly type: 'exited'; readonly node: string; readonly why: string }
  | { readonly type: 'note'; readonly node: string; readonly level: string; readonly text: string }
  | { readonly type: 'stopping' }
  | { readonly type: 'stopped'; readonly data: string };

const READY_MS = 20_000;
const MASTER_MS = 2000;
const POLL_MS = 50;
const ANSWER_MS = 1000;
const RESTART_MS = 1000;
const STOP_MS = 5000;
/** The Redis of the node on port N listens on N + this. */
const REDIS_PORT_OFFSET = 1000;
const CLI = fileURLToPath(new URL('./cli.js', import.meta.url));

interface LogLine {
  readonly level: number;
  readonly note?: string;
  readonly group?: string;
  readonly node?: string | null;
  readonly msg?: string;
}

export class DevCluster {
  readonly #options: DevClusterOptions;
  readonly #say: (event: DevEvent) => void;
  readonly #nodes: { readonly id: string; readonly port: number; readonly url: string }[];
  readonly #children = new Map<string, ChildProcess>();
  readonly #lastLine = new Map<string, string>();
  /** Those that have said so themselves: whatever else answers on their port proves nothing. */
  readonly #listening = new WeakSet<ChildProcess>();
  readonly #masters = new Map<string, string | null>();
  #ready = false;
  #stopping: Promise<void> | null = null;

  constructor(options: DevClusterOptions, say: (event: DevEvent) => void) {
    this.#options = options;
    this.#say = say;
    this.#nodes = Array.from({ length: options.nodes }, (_, place) => {
      const port = options.port + place;
      return { id: String.fromCharCode(97 + place), port, url: `http://127.0.0.1:${port}` };
    });
  }

  /** Resolves when every node is ready; throws when one refuses to start. */
  async start(): Promise<void> {
    const { nodes, store, data } = this.#options;
    this.#say({ type: 'starting', nodes, store, data });
    mkdirSync(data, { recursive: true });
    if (store === 'redis') await Promise.all(this.#nodes.map(({ id }) => this.#startRedis(id)));
    for (const { id } of this.#nodes) this.#startNode(id);
    await this.#untilReady();
    if (this.#stopping !== null) return;
    this.#ready = true;
    const [group = 'main'] = this.#options.groups.split(',');
    this.#say({ type: 'ready', urls: this.#nodes.map(({ url }) => url), master: this.#masters.get(group) ?? null });
  }

  /** Nodes first, each giving back its lease, then the stores. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    this.#say({ type: 'stopping' });
    // One after the other, so that a master gives its lease back while there is still a majority to take note.
    for (const { id } of this.#nodes) await end(this.#children.get(id));
    await Promise.all(this.#nodes.map(({ id }) => end(this.#children.get(`redis-${id}`))));
    this.#say({ type: 'stopped', data: this.#options.data });
  }

  #startNode(id: string): ChildProcess {
    const { data, store, groups } = this.#options;
    const node = this.#nodeOf(id);
    const env: NodeJS.ProcessEnv = {};
    for (const [name, value] of Object.entries(process.env)) if (!name.startsWith('PAXMESH_')) env[name] = value;
    env['PAXMESH_NODE'] = id;
    env['PAXMESH_LISTEN'] = `127.0.0.1:${node.port}`;
    env['PAXMESH_MEMBERS'] = this.#nodes.map((member) => `${member.id}=${member.url}`).join(',');
    env['PAXMESH_GROUPS'] = groups;
    env['PAXMESH_STORE'] =
      store === 'redis' ? `redis://127.0.0.1:${node.port + REDIS_PORT_OFFSET}` : `embedded:${join(resolve(data), id)}`;
    const child = spawn(process.execPath, [CLI, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.set(id, child);
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(id, child, line));
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lastLine.set(id, line.replace(/^paxmesh: /, ''));
    });
    child.once('exit', (code, signal) => this.#exited(id, code, signal));
    return child;
  }

  #exited(id: string, code: number | null, signal: NodeJS.Signals | null): void {
    this.#children.delete(id);
    if (this.#stopping !== null) return;
    if (!this.#ready) return;
    const last = this.#lastLine.get(id);
    this.#say({ type: 'exited', node: id, why: signal ?? `status ${code}${last === undefined ? '' : `: ${last}`}` });
    setTimeout(() => {
      if (this.#stopping !== null) return;
      const child = this.#startNode(id);
      void this.#untilUp(child).then((up) => {
        if (up) this.#say({ type: 'back', node: id, url: this.#nodeOf(id).url, pid: child.pid ?? 0 });
      });
    }, RESTART_MS);
  }

  /** A node's own log, as JSON lines; what is worth knowing becomes an event. */
  #heard(node: string, child: ChildProcess, line: string): void {
    let entry: LogLine;
    try {
      entry = JSON.parse(line) as LogLine;
    } catch {
      this.#say({ type: 'note', node, level: 'warn', text: line });
      return;
    }
    if (entry.note === 'listening') this.#listening.add(child);
    else if (entry.note === 'master-changed' && entry.group !== undefined) {
      const master = entry.node ?? null;
      if (this.#masters.get(entry.group) === master) return;
      this.#masters.set(entry.group, master);
      if (this.#ready && this.#stopping === null) this.#say({ type: 'master', group: entry.group, master });
    } else if (
      entry.level >= 40 &&
      entry.note !== undefined &&
      entry.note !== 'mesh-dial-failed' &&
      this.#stopping === null
    ) {
      this.#say({ type: 'note', node, level: entry.level >= 50 ? 'error' : 'warn', text: factsOf(entry) });
    }
  }

  async #untilReady(): Promise<void> {
    const until = Date.now() + READY_MS;
    for (const { id, url } of this.#nodes) {
      const child = this.#children.get(id);
      if (child === undefined || !(await this.#untilUp(child, until))) {
        if (this.#stopping !== null) return;
        throw new Error(this.#lastLine.get(id) ?? `node ${id} did not come up`);
      }
      this.#say({ type: 'up', node: id, url, pid: child.pid ?? 0 });
    }
    while (Date.now() < until && this.#stopping === null) {
      if ((await Promise.all(this.#nodes.map(({ url }) => answers(`${url}/readyz`)))).every(Boolean)) break;
      await pause(POLL_MS);
    }
    // After a crash the old lease must run out first; proposals do not wait for that, so neither do we for long.
    const masterBy = Date.now() + MASTER_MS;
    while (Date.now() < masterBy && this.#stopping === null) {
      if ((await this.#masterOf(this.#nodes[0]?.url ?? '')) !== null) return;
      await pause(POLL_MS);
    }
  }

  async #masterOf(url: string): Promise<string | null> {
    const [group = 'main'] = this.#options.groups.split(',');
    try {
      const answer = await fetch(`${url}/v1/groups/${group}/master`, { signal: AbortSignal.timeout(ANSWER_MS) });
      const { node } = (await answer.json()) as { node: string | null };
      if (node !== null) this.#masters.set(group, node);
      return node;
    } catch {
      return null;
    }
  }

  /** Whether it listens; false when it exits or the time is over. */
  async #untilUp(child: ChildProcess, until = Date.now() + READY_MS): Promise<boolean> {
    while (child.exitCode === null && child.signalCode === null && Date.now() < until && this.#stopping === null) {
      if (this.#listening.has(child)) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  async #startRedis(id: string): Promise<void> {
    const { port } = this.#nodeOf(id);
    const directory = join(resolve(this.#options.data), `${id}-redis`);
    mkdirSync(directory, { recursive: true });
    const redisPort = port + REDIS_PORT_OFFSET;
    const args = ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'];
    const strict = ['--aof-load-truncated', 'no', '--maxmemory-policy', 'noeviction'];
    const server = process.env['REDIS_SERVER'] ?? 'redis-server';
    const child = spawn(server, [...args, ...durable, ...strict], { stdio: 'ignore', detached: true });
    this.#children.set(`redis-${id}`, child);
    const failed = new Promise<never>((_, reject) => {
      child.once('error', () =>
        reject(new Error(`cannot run ${server}: install it (apt-get install redis-server), or set REDIS_SERVER`)),
      );
      child.once('exit', (code) => {
        this.#children.delete(`redis-${id}`);
        reject(new Error(`redis-server for node ${id} on port ${redisPort} ended with status ${code}`));
        if (this.#ready && this.#stopping === null) {
          this.#say({ type: 'exited', node: `redis-${id}`, why: `status ${code}` });
          setTimeout(() => void this.#restartRedis(id), RESTART_MS);
        }
      });
    });
    await Promise.race([failed, untilListening(redisPort)]);
    // From here on its end is an event, not a failure of the start.
    failed.catch(() => this.#children.delete(`redis-${id}`));
  }

  async #restartRedis(id: string): Promise<void> {
    if (this.#stopping !== null) return;
    try {
      await this.#startRedis(id);
    } catch (error) {
      this.#say({ type: 'note', node: `redis-${id}`, level: 'error', text: (error as Error).message });
    }
  }

  #nodeOf(id: string): { readonly port: number; readonly url: string } {
    const node = this.#nodes.find((known) => known.id === id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node;
  }
}

function factsOf(entry: LogLine): string {
  const {
    level: _level,
    time: _time,
    pid: _pid,
    hostname: _host,
    msg: _msg,
    note,
    ...facts
  } = entry as LogLine & Record<string, unknown>;
  const words = Object.entries(facts).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [note, ...words].join(', ');
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })).ok;
  } catch {
    return false;
  }
}

async function untilListening(port: number): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' }, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await pause(POLL_MS);
  }
  throw new Error(`redis-server on port ${port} does not answer`);
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(kill);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
