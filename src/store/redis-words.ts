// What people read when the store of a node in a Redis cannot go on: each sentence says what to do.
import type { NodeId } from '../core/ids.js';

export class RedisWords {
  /** The Redis, without its secrets. */
  readonly label: string;
  readonly #node: NodeId;

  constructor(address: string, node: NodeId) {
    this.label = `Redis at ${address}`;
    this.#node = node;
  }

  fenced(): string {
    return `another process has opened the store of node ${this.#node} in the ${this.label}`;
  }

  crowded(): string {
    return `others keep opening the store of node ${this.#node} in the ${this.label}: stop them`;
  }

  forgotten(empty: boolean): string {
    const now = empty ? 'is empty' : 'holds another store';
    return (
      `the ${this.label} has lost the store of node ${this.#node}: its identity is gone, the server ${now}. ` +
      'Restore its append-only file, or restart this node to be re-admitted with an empty store'
    );
  }

  damaged(why: string): string {
    return (
      `the store of node ${this.#node} in the ${this.label} is damaged (${why}): ` +
      `delete the keys paxmesh:{${this.#node}}:* and re-admit this node`
    );
  }
}
