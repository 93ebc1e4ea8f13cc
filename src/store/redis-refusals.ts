// Why a store in Redis is not to be used, in sentences that say what to do about it. `label` names the server.
import type { NodeId } from '../core/ids.js';
import { StoreFenced, StoreUnusable } from '../engine/errors.js';

export function fenced(node: NodeId, label: string): StoreFenced {
  return new StoreFenced(`another process has opened the store of node ${node} in the ${label}`);
}

/** `empty`: nothing at all is there; otherwise another store is. */
export function forgotten(node: NodeId, label: string, empty: boolean): StoreUnusable {
  const now = empty ? 'is empty' : 'holds another store';
  return new StoreUnusable(
    `the ${label} has lost the store of node ${node}: its identity is gone, the server ${now}. ` +
      'Restore its append-only file, or restart this node to be re-admitted with an empty store',
  );
}

export function damaged(node: NodeId, label: string, why: string): StoreUnusable {
  return new StoreUnusable(
    `the store of node ${node} in the ${label} is damaged (${why}): ` +
      `delete the keys paxmesh:{${node}}:* and re-admit this node`,
  );
}
