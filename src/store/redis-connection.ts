// One connection to Redis that never does anything twice or later: no queue while it is down, no silent reconnect, no
// re-sending. When it breaks, every call rejects and somebody must make a new one. Also the only place that knows the
// URL: what leaves it in errors has no user, no password and no values.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { NodeId } from '../core/ids.js';
import { StoreUnusable } from '../engine/errors.js';

export type RedisArgument = string | Buffer;

const CONNECT_TIMEOUT_MS = 5000;
const COMMAND_TIMEOUT_MS = 15_000;
const WAITAOF_MS = '10000';

const FAIL_FAST = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: () => null,
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: COMMAND_TIMEOUT_MS,
  replyMapping: 'legacy',
} as const;

/** A `redis:` or `rediss:` URL, and how to speak of it. `?durability=declared`: see redis-durability.ts. */
export interface RedisAddress {
  readonly url: string;
  readonly label: string;
  readonly declaredDurable: boolean;
  readonly secrets: readonly string[];
}

export function parseRedisUrl(text: string): RedisAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The error of URL holds the text, and the text may hold a password.
    throw new StoreUnusable('PAXMESH_STORE is not a valid Redis URL: write redis://HOST:PORT or rediss://HOST:PORT');
  }
  const declared = url.searchParams.get('durability');
  if (declared !== null && declared !== 'declared') {
    throw new StoreUnusable('PAXMESH_STORE: the only value of durability= is "declared"');
  }
  url.searchParams.delete('durability');
  const secrets = [url.password, url.username].filter((secret) => secret !== '');
  const label = `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`;
  const all = secrets.flatMap((secret) => [secret, decodeURIComponent(secret)]);
  return { url: url.href, label, declaredDurable: declared !== null, secrets: all };
}

/** Under which a node's own connection is listed, so that others can see that the store is in use. */
export function connectionNameOf(node: NodeId): string {
  return `paxmesh-node-${node}`;
}

/** A Lua file of this folder, named without its ending. Found from the sources and from the build alike. */
export class RedisScript {
  readonly name: string;
  #source: string | null = null;
  #sha = '';

  constructor(name: string) {
    this.name = name;
  }

  async load(): Promise<string> {
    if (this.#source === null) {
      this.#source = await readFile(fileURLToPath(import.meta.resolve(`#lua/${this.name}.lua`)), 'utf8');
      this.#sha = createHash('sha1').update(this.#source).digest('hex');
    }
    return this.#source;
  }

  get sha(): string {
    return this.#sha;
  }
}

export class RedisConnection {
  readonly #redis: Redis;
  readonly #address: RedisAddress;
  #lastError: Error | null = null;

  /** `name`: what the server lists this connection under. */
  constructor(address: RedisAddress, name?: string) {
    this.#address = address;
    this.#redis = new Redis(address.url, { ...FAIL_FAST, ...(name === undefined ? {} : { connectionName: name }) });
    // Every call in flight rejects with the same news; kept because a failed connect says less than this.
    this.#redis.on('error', (error: Error) => {
      this.#lastError = error;
    });
  }

  async connect(): Promise<void> {
    try {
      await this.#redis.connect();
    } catch (error) {
      throw this.#tell(this.#lastError ?? error);
    }
  }

  /** Lets go at once; what is in flight rejects. */
  disconnect(): void {
    this.#redis.disconnect();
  }

  async text(command: string, ...args: RedisArgument[]): Promise<unknown> {
    try {
      return await this.#redis.call(command, ...args);
    } catch (error) {
      throw this.#tell(error);
    }
  }

  async binary(command: string, ...args: RedisArgument[]): Promise<unknown> {
    try {
      return await this.#redis.callBuffer(command, ...args);
    } catch (error) {
      throw this.#tell(error);
    }
  }

  /** False: what this connection has written is not on the server's disk after ten seconds. */
  async waitAof(): Promise<boolean> {
    const answer = await this.text('WAITAOF', '1', '0', WAITAOF_MS);
    return Array.isArray(answer) && Number(answer[0]) >= 1;
  }

  /** Runs a script by its hash. The source goes over the wire only when the server does not know it. */
  async run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown> {
    const source = await script.load();
    try {
      return await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw this.#tell(error);
    }
    try {
      return await this.#redis.eval(source, keys.length, ...keys, ...args);
    } catch (error) {
      throw this.#tell(error);
    }
  }

  /** A plain error in our words: the library's carry the command with its arguments, a password among them. */
  #tell(error: unknown): Error {
    let message = error instanceof Error ? error.message : String(error);
    for (const secret of this.#address.secrets) message = message.replaceAll(secret, '***');
    return new Error(`Redis at ${this.#address.label}: ${message}`);
  }
}
