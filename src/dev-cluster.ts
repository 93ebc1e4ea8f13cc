// A whole cluster on one machine, for trying things out: one process per node (and one redis-server per node with
// `store: redis`), the same processes as in production, watched and started again when they die. It tells what happens as
// events; it prints nothing. Node ids are a, b, c … No process outlives it, except a Redis server when it is killed itself.
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { checkPorts, checkShape, keepShape } from './dev-ground.js';
import { factsOf, type LogLine } from './dev-log.js';
import { isReady, type Master, masterAt, whyUnready } from './dev-probe.js';
import { startRedis } from './dev-redis.js';

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

/** A limit for what hangs: whoever refuses to start ends, and is not waited for. */
const READY_MS = 60_000;
const MASTER_MS = 2000;
const POLL_MS = 50;
/** Doubled each time a process ends without having come up. */
const RESTART_MS = 1000;
const RESTART_MS_MAX = 30_000;
/** Longer than a node gives itself. */
const STOP_MS = 10_000;
/** The Redis of the node on port N listens on N + this. */
const REDIS_PORT_OFFSET = 1000;
const CLI = fileURLToPath(new URL('./cli.js', import.meta.url));

export class DevCluster {
  readonly #options: DevClusterOptions;
  readonly #say: (event: DevEvent) => void;
  readonly #nodes: { readonly id: string; readonly port: number; readonly url: string }[];
  readonly #children = new Map<string, ChildProcess>();
  readonly #lastLine = new Map<string, string>();
  /** Those that have said so themselves: whatever else answers on their port proves nothing. */
  readonly #listening = new WeakSet<ChildProcess>();
  readonly #masters = new Map<string, Master>();
  readonly #failures = new Map<string, number>();
  #started = false;
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
    const { store, data } = this.#options;
    checkShape(data, store, this.#options);
    const ports = this.#nodes.map(({ port }) => port);
    await checkPorts(store === 'redis' ? ports.flatMap((port) => [port, port + REDIS_PORT_OFFSET]) : ports);
    this.#started = true;
    this.#say({ type: 'starting', nodes: this.#nodes.length, store, data });
    mkdirSync(data, { recursive: true });
    process.once('exit', () => this.kill());
    if (store === 'redis') await Promise.all(this.#nodes.map(({ id }) => this.#startRedis(id)));
    for (const { id } of this.#nodes) if (this.#stopping === null) this.#startNode(id);
    await this.#untilReady();
    if (this.#stopping !== null) return;
    keepShape(data, store, this.#options);
    this.#ready = true;
    const master = this.#masters.get(this.#firstGroup)?.node ?? null;
    this.#say({ type: 'ready', urls: this.#nodes.map(({ url }) => url), master });
    for (const { id, url } of this.#nodes) {
      const why = await whyUnready(url);
      if (why !== null) this.#say({ type: 'note', node: id, level: 'warn', text: `is not ready: ${why}` });
    }
  }

  /** Nodes first, each giving back its lease, then the stores. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** At once, whatever is under way. Nothing that was acknowledged is lost by it. */
  kill(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  async #stopAll(): Promise<void> {
    if (!this.#started) return;
    this.#say({ type: 'stopping' });
    // One after the other, so that a master gives its lease back while there is still a majority to take note.
    for (const { id } of this.#nodes) await end(this.#children.get(id));
    await Promise.all(this.#nodes.map(({ id }) => end(this.#children.get(`redis-${id}`))));
    this.#say({ type: 'stopped', data: this.#options.data });
  }

  get #firstGroup(): string {
    return this.#options.groups.split(',')[0] ?? 'main';
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
    // Out of reach of the terminal's Ctrl-C, so that the nodes can go one after the other; the channel ends it with us.
    const child = spawn(process.execPath, [CLI, 'serve'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    }) as ChildProcessByStdio<null, Readable, Readable>;
    this.#children.set(id, child);
    this.#lastLine.delete(id);
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(id, child, line));
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lastLine.set(id, line.replace(/^paxmesh: /, ''));
    });
    child.once('exit', (code, signal) => this.#exited(id, code, signal));
    return child;
  }

  #exited(id: string, code: number | null, signal: NodeJS.Signals | null): void {
    this.#children.delete(id);
    if (this.#stopping !== null || !this.#ready) return;
    const last = this.#lastLine.get(id);
    this.#say({ type: 'exited', node: id, why: signal ?? `status ${code}${last === undefined ? '' : `: ${last}`}` });
    this.#again(id, async () => {
      const child = this.#startNode(id);
      if (!(await this.#untilUp(child))) return;
      this.#failures.delete(id);
      this.#say({ type: 'back', node: id, url: this.#nodeOf(id).url, pid: child.pid ?? 0 });
    });
  }

  #again(name: string, start: () => Promise<void>): void {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    setTimeout(
      () => {
        if (this.#stopping === null) void start();
      },
      Math.min(RESTART_MS * 2 ** failures, RESTART_MS_MAX),
    ).unref();
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
      this.#masterIs(entry.group, { node: entry.node ?? null, version: entry.version ?? -1 });
    } else if (
      entry.level >= 40 &&
      entry.note !== undefined &&
      entry.note !== 'mesh-dial-failed' &&
      this.#stopping === null
    ) {
      this.#say({ type: 'note', node, level: entry.level >= 50 ? 'error' : 'warn', text: factsOf(entry) });
    }
  }

  /** Nodes tell the same thing one after the other, and one that catches up tells old news. */
  #masterIs(group: string, master: Master): void {
    const known = this.#masters.get(group);
    if (known !== undefined && master.version < known.version) return;
    if (known?.node === null && master.version === known.version) return;
    this.#masters.set(group, master);
    if (known?.node === master.node || !this.#ready || this.#stopping !== null) return;
    this.#say({ type: 'master', group, master: master.node });
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
      if ((await Promise.all(this.#nodes.map(({ url }) => isReady(url)))).every(Boolean)) break;
      await pause(POLL_MS);
    }
    // After a crash the old lease must run out first; proposals do not wait for that, so neither do we for long.
    const masterBy = Date.now() + MASTER_MS;
    while (Date.now() < masterBy && this.#stopping === null) {
      const master = await masterAt(this.#nodes[0]?.url ?? '', this.#firstGroup);
      if (master !== null) return this.#masterIs(this.#firstGroup, master);
      await pause(POLL_MS);
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

  async #startRedis(id: string): Promise<ChildProcess> {
    const name = `redis-${id}`;
    const directory = join(resolve(this.#options.data), `${id}-redis`);
    const child = await startRedis(this.#nodeOf(id).port + REDIS_PORT_OFFSET, directory);
    this.#children.set(name, child);
    child.once('exit', (code, signal) => {
      this.#children.delete(name);
      if (!this.#ready || this.#stopping !== null) return;
      this.#say({ type: 'exited', node: name, why: signal ?? `status ${code}` });
      this.#againRedis(id, name);
    });
    return child;
  }

  #againRedis(id: string, name: string): void {
    this.#again(name, async () => {
      try {
        const { pid = 0 } = await this.#startRedis(id);
        this.#failures.delete(name);
        const url = `redis://127.0.0.1:${this.#nodeOf(id).port + REDIS_PORT_OFFSET}`;
        this.#say({ type: 'back', node: name, url, pid });
      } catch (error) {
        this.#say({ type: 'note', node: name, level: 'error', text: (error as Error).message });
        this.#againRedis(id, name);
      }
    });
  }

  #nodeOf(id: string): { readonly port: number; readonly url: string } {
    const node = this.#nodes.find((known) => known.id === id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node;
  }
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
