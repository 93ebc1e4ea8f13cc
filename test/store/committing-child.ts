// A process that commits one record after another, or puts and syncs one block after another, and prints the number of each
// once it is acknowledged. As a module: functions that start one, kill it with SIGKILL in the middle, and return the last
// number it acknowledged.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createStore } from '../../src/store/open-store.js';
import { bytesOf } from '../conformance/log-store.js';

export function acknowledgedBeforeKill(url: string, commits: number): Promise<number> {
  return lastBeforeKill(url, 'commits', commits);
}

/** Blocks of checkpoint "c" of group "main"; block i holds `textOfBlock(i)`. */
export function syncedBeforeKill(url: string, blocks: number): Promise<number> {
  return lastBeforeKill(url, 'blocks', blocks);
}

export function textOfBlock(index: number): string {
  return `block ${index} `.repeat(20_000);
}

async function lastBeforeKill(url: string, what: 'commits' | 'blocks', enough: number): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), url, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let last = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === enough) child.kill('SIGKILL');
  }
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`the child ended by itself after ${last} ${what}`);
  return last;
}

async function commitForEver(url: string): Promise<never> {
  const store = await createStore(url, { node: 'a' });
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

async function putForEver(url: string): Promise<never> {
  const store = await createStore(url, { node: 'a' });
  await store.open();
  for (let index = 0; ; index++) {
    await store.putBlock('main', 'c', index, bytesOf(textOfBlock(index)));
    await store.syncBlocks('main', 'c');
    process.stdout.write(`${index}\n`);
  }
}

const [, script, url, what] = process.argv;
if (script === fileURLToPath(import.meta.url) && url !== undefined) {
  await (what === 'blocks' ? putForEver(url) : commitForEver(url));
}
