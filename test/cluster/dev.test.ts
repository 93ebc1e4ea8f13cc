// `paxmesh dev`, the program behind `npm start`: what it shows can be used as it stands, and it sees to what it started.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { watched } from '../children.js';
import { freePorts } from '../free-port.js';
import { paxmesh } from './command.js';
import { keeper } from './keeper.js';
import { CLI, cleanEnvironment, type Exit, eventually } from './node-process.js';

const keep = keeper(after);

class Dev {
  readonly args: readonly string[];
  text = '';
  #child: ChildProcess;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.args = args;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const options = { env: cleanEnvironment(env), stdio: [...stdio], detached: true };
    this.#child = watched(spawn(process.execPath, [CLI, 'dev', ...args], options));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
  }

  /** Waits for what is shown; the match. */
  async shows(pattern: RegExp): Promise<RegExpMatchArray> {
    await eventually(`${pattern} is shown`, () => pattern.test(this.text)).catch((error: Error) => {
      throw new Error(`${error.message}; so far:\n${this.text}`);
    });
    const match = pattern.exec(this.text);
    assert.ok(match !== null);
    return match;
  }

  /** The pid shown last for a process. */
  async pidOf(name: string): Promise<number> {
    await this.shows(new RegExp(`${name} .*pid \\d+`));
    const pids = [...this.text.matchAll(new RegExp(`^.*\\b${name} .*pid (\\d+)$`, 'gm'))];
    return Number(pids.at(-1)?.[1]);
  }

  /** What a terminal does at Ctrl-C: a signal for the whole process group. */
  async ctrlC(): Promise<Exit> {
    return this.#end(() => process.kill(-Number(this.#child.pid), 'SIGINT'));
  }

  async kill(): Promise<Exit> {
    return this.#end(() => this.#child.kill('SIGKILL'));
  }

  /** Redis servers end with it only when it is asked to go. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#end(() => this.#child.kill());
  }

  async #end(how: () => void): Promise<Exit> {
    const gone = once(this.#child, 'close');
    how();
    const [status, signal] = await gone;
    return { status, signal };
  }
}

/** Who is master: in the first words, or on a busy machine, where they do not wait for it, right behind. */
const MASTER = /^(?: {2}|\S+ {2}group main: )([abc]) is master/m;

/** Does what curl does with the few words that are used here. */
async function paste(line: string): Promise<Response> {
  const [command, ...words] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  assert.equal(command, 'curl');
  const headers: [string, string][] = [];
  let body: string | null = null;
  let url = '';
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '-H') headers.push((words[++at] ?? '').split(': ') as [string, string]);
    else if (word === '-d') body = words[++at] ?? '';
    else if (word.startsWith('-')) assert.match(word, /^-[iN]$/);
    else url = word;
  }
  return fetch(url, { headers, ...(body === null ? {} : { method: 'POST', body }) });
}

async function world(...more: string[]): Promise<{ args: readonly string[]; port: number }> {
  const data = await mkdtemp(join(tmpdir(), 'paxmesh-dev-'));
  keep({ close: () => rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }) });
  const port = await freePorts(3);
  return { port, args: ['--port', String(port), '--data', data, ...more] };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return opened;
}

async function nobodyListens(ports: readonly number[]): Promise<void> {
  await eventually('nobody listens any more', async () => !(await Promise.all(ports.map(isListening))).includes(true));
}

test('three nodes come up; what is printed works when pasted; Ctrl-C ends all; started again it goes on', async () => {
  const { args, port } = await world();
  const first = keep(new Dev(args));
  await first.shows(/Ctrl-C stops all of it/);
  for (const [place, id] of ['a', 'b', 'c'].entries()) {
    assert.match(first.text, new RegExp(`^ {2}${id} {2}up {6}http://127.0.0.1:${port + place} {3}pid \\d+$`, 'm'));
  }
  await first.shows(MASTER);
  assert.ok(!first.text.includes('\u001b'), 'plain text in a pipe');
  const [post = '', page = '', events = ''] = first.text.match(/curl .*/g) ?? [];
  const proposed = await paste(post);
  assert.equal(proposed.status, 201);
  const { instanceId } = (await proposed.json()) as { instanceId: number };
  await eventually('the second line shows the value', async () => {
    return JSON.stringify(await (await paste(page)).json()).includes('"value":{"hello":"world"}');
  });
  const stream = await paste(events);
  let streamed = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream.body ?? []) {
    streamed += decoder.decode(chunk as Uint8Array, { stream: true });
    if (streamed.includes('"value":{"hello":"world"}')) break;
  }
  const [, reference = ''] = await first.shows(/API reference: (\S+)/);
  assert.equal((await fetch(reference)).status, 200);
  assert.deepEqual(await first.ctrlC(), { status: 0, signal: null });
  await first.shows(/stopped; the data stays under .*, the same command goes on with it/);
  await nobodyListens([port, port + 1, port + 2]);

  const second = keep(new Dev(args, { npm_lifecycle_event: 'start' }));
  await second.shows(/Ctrl-C stops all of it/);
  await eventually('the value is there again', async () => {
    const again = await fetch(`http://127.0.0.1:${port + 1}/v1/groups/main/instances/${instanceId}`);
    return (await again.text()).includes('"value":{"hello":"world"}');
  });
  assert.equal((await paste(post)).status, 201);
  assert.deepEqual(await second.ctrlC(), { status: 0, signal: null });
  await second.shows(/stopped; .*, npm start goes on with it/);
});

test('a node that is killed is reported and started again, with the next master; nothing outlives the program', async () => {
  const { args, port } = await world();
  const dev = keep(new Dev(args));
  await dev.shows(/Ctrl-C stops all of it/);
  const [, master = ''] = await dev.shows(MASTER);
  process.kill(await dev.pidOf(master), 'SIGKILL');
  await dev.shows(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}${master} is gone \\(SIGKILL\\); starting it again$`, 'm'));
  await dev.shows(new RegExp(`^\\S+ {2}${master} is back {3}pid \\d+$`, 'm'));
  await eventually('the next master is told', () => {
    return /^\S+ {2}group main: [abc] is master$/m.test(dev.text.slice(dev.text.indexOf('is gone')));
  });
  assert.deepEqual(await dev.kill(), { status: null, signal: 'SIGKILL' });
  await nobodyListens([port, port + 1, port + 2]);
});

test('with Redis: a server that is killed is reported by its signal and started again, and all end together', async () => {
  const { args, port } = await world('--store', 'redis', '--nodes', '1');
  const dev = keep(new Dev(args));
  await dev.shows(/Ctrl-C stops all of it/);
  const redisPort = port + 1000;
  const [post = ''] = dev.text.match(/curl .*/g) ?? [];
  assert.equal((await paste(post)).status, 201);
  const pid = await redisPid(redisPort);
  process.kill(pid, 'SIGKILL');
  await dev.shows(/redis-a is gone \(SIGKILL\); starting it again/);
  await dev.shows(/redis-a is back {3}pid \d+/);
  await eventually('values are taken again', async () => (await paste(post)).status === 201);
  assert.deepEqual(await dev.ctrlC(), { status: 0, signal: null });
  await nobodyListens([port, redisPort]);
});

async function redisPid(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write('INFO server\r\n');
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (/process_id:\d+\r/.test(text)) break;
  }
  socket.destroy();
  return Number(/process_id:(\d+)/.exec(text)?.[1]);
}

test('a port that is taken, data of another shape, and words that make no sense are refused', async () => {
  const { args, port } = await world('--nodes', '1');
  const dev = keep(new Dev(args));
  await dev.shows(/Ctrl-C stops all of it/);
  const taken = await paxmesh(['dev', ...args]);
  assert.deepEqual([taken.status, taken.stdout], [1, '']);
  assert.match(taken.stderr, new RegExp(`^paxmesh: 127.0.0.1:${port} is in use [^\\n]*--port\\n$`));
  const other = await paxmesh(['dev', ...args, '--port', String(await freePorts(3))]);
  assert.equal(other.status, 1);
  assert.match(other.stderr, new RegExp(`^paxmesh: [^\\n]*add --nodes 1 --port ${port}, or [^\\n]*--data\\n$`));
  for (const words of [['--nodes', '0'], ['--store', 'paper'], ['--port', 'x'], ['--frob'], ['x']]) {
    assert.equal((await paxmesh(['dev', ...words])).status, 2);
  }
  assert.deepEqual(await dev.ctrlC(), { status: 0, signal: null });
});
