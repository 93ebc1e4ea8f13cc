// The only member of its cluster, by default over a store in memory: a whole node, with nobody to talk to but who the test makes up.
import assert from 'node:assert/strict';
import type { LogStore } from '../../src/engine/log-store.js';
import { PaxosNode } from '../../src/engine/paxos-node.js';
import type { TransportListener } from '../../src/engine/ports.js';
import { systemClock } from '../../src/engine/system-clock.js';
import type { StateMachine } from '../../src/machines/machine.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';

export interface LoneNodeOptions {
  /** Not open yet. */
  readonly store?: LogStore;
  readonly machines?: readonly StateMachine[];
  /** Takes the names of those it parts from. */
  readonly parted?: string[];
}

/** Started; `hear` is how a message reaches it. */
export async function loneNode({
  store = new MemoryStore(new MemoryDisk('store of a')),
  machines = [],
  parted = [],
}: LoneNodeOptions = {}): Promise<{ node: PaxosNode; hear: TransportListener }> {
  let listener: TransportListener | null = null;
  const node = new PaxosNode({
    id: 'a',
    url: 'http://a',
    version: 'test',
    groups: ['main'],
    members: [{ id: 'a', url: 'http://a' }],
    leaseMs: 10_000,
    timeoutMs: 60_000,
    valueBytesMax: 1000,
    store,
    opening: await store.open(),
    transport: {
      listen: (one) => {
        listener = one;
      },
      setPeers: () => {},
      send: () => {},
      flush: () => {},
      isConnected: () => true,
      part: (peer) => parted.push(peer),
      close: async () => {},
    },
    clock: systemClock,
    trace: () => {},
    machines: () => machines,
    fatal: (error) => assert.fail(String(error)),
  });
  await node.start();
  assert.ok(listener !== null);
  return { node, hear: listener };
}
