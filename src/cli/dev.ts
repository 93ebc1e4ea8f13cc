// `paxmesh dev`: the words of the command line, and what a person sees. The cluster itself is src/dev-cluster.ts.
import { parseArgs, styleText } from 'node:util';
import { DevCluster, type DevEvent } from '../dev-cluster.js';
import { print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';

const NODES_MAX = 9;
const SAME_KEYPRESS_MS = 500;

export async function dev(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      nodes: { type: 'string', default: '3' },
      port: { type: 'string', default: '7001' },
      data: { type: 'string', default: '.paxmesh' },
      store: { type: 'string', default: 'embedded' },
      groups: { type: 'string', default: 'main' },
      json: { type: 'boolean', default: false },
    },
  });
  const nodes = readInteger('--nodes', values.nodes, 1, NODES_MAX);
  const port = readInteger('--port', values.port, 1, 65_535 - NODES_MAX);
  const { store } = values;
  if (store !== 'embedded' && store !== 'redis') throw new UsageError(`--store is embedded or redis, not ${store}`);
  const say = values.json
    ? (event: DevEvent) => print(JSON.stringify(event))
    : sayTo(values.groups.split(',')[0] ?? 'main');
  const cluster = new DevCluster({ nodes, port, data: values.data, store, groups: values.groups }, say);
  const stopped = new Promise<void>((resolve) => {
    let askedAt: number | null = null;
    const stop = (): void => {
      // npm passes on what the terminal has sent already: the same keypress arrives twice.
      if (askedAt !== null && performance.now() - askedAt > SAME_KEYPRESS_MS) cluster.kill();
      askedAt ??= performance.now();
      void cluster.stop().then(resolve);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  });
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw new CommandFailed((error as Error).message);
  }
  await stopped;
}

function readInteger(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new UsageError(`${flag} is a whole number from ${min} to ${max}`);
  return value;
}

function sayTo(group: string): (event: DevEvent) => void {
  return (event) => {
    const time = new Date().toLocaleTimeString('en-GB');
    const name = 'node' in event ? styled('bold', event.node) : '';
    switch (event.type) {
      case 'starting':
        return print(`Paxmesh: ${event.nodes} nodes on this machine, ${event.store} store under ${event.data}\n`);
      case 'up':
        return print(`  ${name}  ${styled('green', 'up')}      ${event.url}   pid ${event.pid}`);
      case 'ready':
        return print(welcome(event.urls, event.master, group));
      case 'master':
        return print(
          `${time}  group ${event.group}: ${event.master === null ? 'the lease was given back' : `${styled('bold', event.master)} is master`}`,
        );
      case 'exited':
        return print(`${time}  ${name} ${styled('red', 'is gone')} (${event.why}); starting it again`);
      case 'back':
        return print(`${time}  ${name} ${styled('green', 'is back')}   pid ${event.pid}`);
      case 'note':
        return print(`${time}  ${name} ${styled(event.level === 'warn' ? 'yellow' : 'red', event.text)}`);
      case 'stopping':
        return print(`\n${time}  stopping one after the other; Ctrl-C again kills`);
      case 'stopped':
        return print(`${time}  stopped; the data stays under ${event.data}, ${again()} goes on with it`);
    }
  };
}

/** Only where somebody looks at it, and has not asked for plain text. */
function styled(format: Parameters<typeof styleText>[0], text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(format, text) : text;
}

/** The words that started this. */
function again(): string {
  return process.env['npm_lifecycle_event'] === 'start' ? 'npm start' : 'the same command';
}

function welcome(urls: readonly string[], master: string | null, group: string): string {
  const [url = ''] = urls;
  const other = urls[1] ?? url;
  const last = urls.at(-1) ?? url;
  const who = master === null ? 'No master yet' : `${styled('bold', master)} is master`;
  return `
  ${who}. Any node takes any request. Commit a value on one node:

    curl -i -H 'content-type: application/json' -d '{"hello":"world"}' ${url}/v1/groups/${group}/proposals

  Read it on another, follow the log on a third:

    curl '${other}/v1/groups/${group}/instances?from=0'
    curl -N '${last}/v1/groups/${group}/events?from=0'

  API reference: ${url}/docs      Ctrl-C stops all of it.
`;
}
