// Loaded before a node of bench/start-node.ts (`node --import`): notes when what a start is made of begins and ends, and writes
// it to the file that START_MARKS names when the process exits. Milliseconds since the process began. It changes nothing.
import { writeFileSync } from 'node:fs';
import { Vault } from '../src/engine/checkpoints/vault.js';
import { Applier } from '../src/engine/log/applier.js';
import { PaxosNode } from '../src/engine/paxos-node.js';

export type Step = 'open' | 'start' | 'checkpoint' | 'load' | 'replay';
export type Marks = Partial<Record<Step, { readonly from: number; readonly to: number }>>;

const marks: Marks = {};

/** The first call of a method, from its beginning until what it promised is there. */
function watch(owner: object, method: string, step: Step): void {
  const original: (...args: unknown[]) => Promise<unknown> = Reflect.get(owner, method);
  Reflect.set(owner, method, async function watched(this: unknown, ...args: unknown[]) {
    const from = performance.now();
    try {
      return await original.apply(this, args);
    } finally {
      marks[step] ??= { from, to: performance.now() };
    }
  });
}

const file = process.env['START_MARKS'];
if (file !== undefined) {
  // The node does not load the other one either.
  const store = process.env['PAXMESH_STORE']?.startsWith('redis')
    ? (await import('../src/store/redis-store.js')).RedisStore
    : (await import('../src/store/embedded-store.js')).EmbeddedStore;
  watch(store.prototype, 'open', 'open');
  watch(store.prototype, 'load', 'load');
  watch(PaxosNode.prototype, 'start', 'start');
  watch(Vault.prototype, 'load', 'checkpoint');
  watch(Applier.prototype, 'pauseFor', 'replay');
  process.on('exit', () => writeFileSync(file, JSON.stringify(marks)));
}
