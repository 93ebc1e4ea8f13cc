// `paxmesh dev`: the words of the command line, and what a person sees. The cluster itself is src/dev-cluster.ts.
import { parseArgs, styleText } from 'node:util';
import { DevCluster, type DevEvent } from '../dev-cluster.js';
import { print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';

const NODES_MAX = 9;

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
    const stop = (): void => void cluster.stop().then(resolve);
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
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
    const name = 'node' in event ? styleText('bold', event.node) : '';
    switch (event.type) {
      case 'starting':
        return print(`Paxmesh: ${event.nodes} nodes on this machine, ${event.store} store under ${event.data}\n`);
      case 'up':
        return print(`  ${name}  ${styleText('green', 'up')}      ${event.url}   pid ${event.pid}`);
      case 'ready':
        return print(welcome(event.urls, event.master, group));
      case 'master':
        return print(
          `${time}  group ${event.group}: ${event.master === null ? 'the lease was given back' : `${styleText('bold', event.master)} is master`}`,
        );
      case 'exited':
        return print(`${time}  ${name} ${styleText('red', 'is gone')} (${event.why}); starting it again`);
      case 'back':
        return print(`${time}  ${name} ${styleText('green', 'is back')}   pid ${event.pid}`);
      case 'note':
        return print(`${time}  ${name} ${styleText(event.level === 'warn' ? 'yellow' : 'red', event.text)}`);
      case 'stopping':
        return print(`\n${time}  stopping`);
      case 'stopped':
        return print(`${time}  stopped; the data stays under ${event.data}, npm start goes on with it`);
    }
  };
}

function welcome(urls: readonly string[], master: string | null, group: string): string {
  const url = urls[0] ?? '';
  const last = urls.at(-1) ?? url;
  return `
  ${master === null ? 'No master yet' : `${styleText('bold', master)} is master`}. Any node takes any request; try:

    curl -i -H 'content-type: application/json' -d '{"hello":"world"}' ${url}/v1/groups/${group}/proposals
    curl '${last}/v1/groups/${group}/instances?from=0'

  Dashboard and reference: ${url}/   ${url}/docs
  Ctrl-C stops all of it.
`;
}
