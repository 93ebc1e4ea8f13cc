// From the setting PAXMESH_STORE to a store: `embedded:DIR`, `redis://…`, `rediss://…`, `memory:`. Or to one that is only looked
// into. Only makes it; the caller opens it. An adapter and its library are loaded when they are asked for: nobody's start waits for
// the one it does not use.
import { randomUUID } from 'node:crypto';
import type { NodeId } from '../core/ids.js';
import { StoreUnusable } from '../engine/errors.js';
import type { LogStore } from '../engine/log-store.js';
import type { StoreReader } from '../engine/rescue/store-reader.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryStore } from './memory-store.js';

export interface StoreOptions {
  readonly node: NodeId;
  /** Accept a store that may lose acknowledged writes; it says so in `durable` and `warnings`. */
  readonly allowUnsafe?: boolean;
}

export async function createStore(url: string, options: StoreOptions): Promise<LogStore> {
  const scheme = url.slice(0, url.indexOf(':') + 1);
  if (scheme === 'embedded:') {
    const directory = url.slice(scheme.length);
    if (directory === '') throw new StoreUnusable('PAXMESH_STORE=embedded: names no directory: write embedded:DIR');
    const { EmbeddedStore } = await import('./embedded-store.js');
    return new EmbeddedStore(directory);
  }
  if (scheme === 'memory:') {
    if (options.allowUnsafe !== true) {
      throw new StoreUnusable('PAXMESH_STORE=memory: forgets everything at exit: it needs --allow-unsafe-store');
    }
    return new MemoryStore(new MemoryDisk(randomUUID()));
  }
  if (scheme === 'redis:' || scheme === 'rediss:') {
    const { RedisStore } = await import('./redis-store.js');
    return new RedisStore(url, { node: options.node, allowUnsafe: options.allowUnsafe === true });
  }
  // The setting may hold a password in a misspelt URL: only its scheme is told.
  throw new StoreUnusable(`PAXMESH_STORE has an unknown scheme "${scheme}": use embedded:DIR or redis://HOST:PORT`);
}

/** To look into what stands there and leave it as it is. */
export async function createReader(url: string, node: NodeId): Promise<StoreReader> {
  const scheme = url.slice(0, url.indexOf(':') + 1);
  if (scheme === 'embedded:') {
    const { EmbeddedReader } = await import('./embedded-reader.js');
    return new EmbeddedReader(url.slice(scheme.length));
  }
  if (scheme === 'redis:' || scheme === 'rediss:') {
    const { RedisReader } = await import('./redis-reader.js');
    return new RedisReader(url, node);
  }
  throw new StoreUnusable('only a store that outlives its node can be looked into: embedded:DIR or redis://HOST:PORT');
}
