// A process that commits one record after another and prints the number of each once it is acknowledged. As a module: a
// function that starts one, kills it with SIGKILL in the middle, and returns the last number it acknowledged.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createStore } from '../../src/store/open-store.js';
import { bytesOf } from '../conformance/log-store.js';

export async function acknowledgedBeforeKill(url: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let last = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === commits) child.kill('SIGKILL');
  }
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`the child ended by itself after ${last} commits`);
  return last;
}

async function commitForEver(url: string): Promise<never> {
  const store = createStore(url, { node: 'a' });
  await store.open();
  await store.load('main');
  for (let instance = 0; ; instance++) {
    const ballot = { round: instance + 1, node: 'a' };
    const value = { id: `a~1/${instance}`, bytes: bytesOf(`value ${instance}`) };
    await store.commit([
      {
        group: 'main',
        writes: [
          { type: 'promise', ballot },
          { type: 'record', instance, ballot, chosen: false, checksum: instance, value },
        ],
      },
    ]);
    process.stdout.write(`${instance}\n`);
  }
}

const [, script, url] = process.argv;
if (script === fileURLToPath(import.meta.url) && url !== undefined) await commitForEver(url);
