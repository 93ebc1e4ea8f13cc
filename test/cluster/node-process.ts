// One node as a real process: `paxmesh serve`, from settings, with a data directory that outlives it. It can be stopped,
// killed, frozen, thawed and started again, always by its own pid. Its log goes to a file beside its data.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { watched } from '../children.js';
import type { Place } from './network.js';

export const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.js');
export const READY_MS = 120_000;
const POLL_MS = 25;
/** Who does not answer for so long is taken for one that does not answer. */
const ANSWER_MS = 10_000;
/** A signal is taken when a process next runs, or is interrupted. */
const STOPPING_MS = 50;

export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The environment of this process without anything that would configure a node. */
export function cleanEnvironment(settings: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PAXMESH_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(kept), ...settings };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until it holds. The time is a limit for broken runs, not a measure. */
export async function eventually(what: string, holds: () => Promise<boolean> | boolean, ms = READY_MS): Promise<void> {
  const until = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(POLL_MS);
  }
}

export class NodeProcess {
  readonly id: string;
  url: string;
  readonly logFile: string;
  readonly #way: Pick<Place, 'launcher' | 'flags'>;
  settings: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;
  #exit: Promise<Exit> | null = null;
  #stderr = '';
  /** performance.now() right before the last thaw. */
  thawedAt = 0;

  constructor(
    id: string,
    port: number,
    directory: string,
    settings: Readonly<Record<string, string>>,
    way: Pick<Place, 'launcher' | 'flags'> = { launcher: [], flags: [] },
  ) {
    this.id = id;
    this.logFile = join(directory, `${id}.log`);
    const listen = settings['PAXMESH_LISTEN'] ?? `127.0.0.1:${port}`;
    this.url = `http://${listen}`;
    this.settings = { PAXMESH_NODE: id, ...settings, PAXMESH_LISTEN: listen };
    this.#way = way;
  }

  /** Listens elsewhere from the next start on. */
  moveTo(port: number, urlAdvertised: string): void {
    this.url = `http://127.0.0.1:${port}`;
    this.settings = {
      ...this.settings,
      PAXMESH_LISTEN: `127.0.0.1:${port}`,
      PAXMESH_URL_ADVERTISED: urlAdvertised,
    };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Starts the process; does not wait until it serves. */
  start(): void {
    if (this.isRunning) throw new Error(`${this.id} runs already`);
    const log = openSync(this.logFile, 'a');
    const env = cleanEnvironment(this.settings);
    const { launcher, flags } = this.#way;
    const [command = '', ...args] = [...launcher, process.execPath, CLI, 'serve', ...flags];
    const child = watched(spawn(command, args, { env, stdio: ['ignore', log, 'pipe'] }));
    closeSync(log);
    child.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
    this.#child = child;
    this.#exit = once(child, 'exit').then(([status, signal]) => ({ status, signal }));
  }

  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }

  async untilReady(): Promise<void> {
    await eventually(`${this.id} is ready`, () => {
      if (!this.isRunning) throw new Error(`${this.id} is not running: ${this.#stderr}`);
      return this.isReady();
    }).catch(async (error: Error) => {
      const answer = await fetch(`${this.url}/readyz`).catch((reason: Error) => reason);
      throw new Error(`${error.message}: ${answer instanceof Error ? answer.message : await answer.text()}`);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Stands still from then on. */
  async freeze(): Promise<void> {
    this.signal('SIGSTOP');
    await pause(STOPPING_MS);
  }

  thaw(): void {
    this.thawedAt = performance.now();
    this.signal('SIGCONT');
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGKILL');
    await this.#exit;
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return this.untilExit();
  }

  async untilExit(): Promise<Exit> {
    if (this.#exit === null) throw new Error(`${this.id} was never started`);
    return this.#exit;
  }
}
