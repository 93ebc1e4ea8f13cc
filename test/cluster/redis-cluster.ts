// A cluster whose nodes keep everything in Redis: a real redis-server for each, synced at every write.
import { RedisServer } from '../redis-server.js';
import { Cluster } from './cluster.js';
import type { NodeProcess } from './node-process.js';

export class RedisCluster {
  readonly cluster: Cluster;
  readonly #servers: ReadonlyMap<string, RedisServer>;

  private constructor(cluster: Cluster, servers: ReadonlyMap<string, RedisServer>) {
    this.cluster = cluster;
    this.#servers = servers;
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<RedisCluster> {
    const servers = new Map<string, RedisServer>();
    try {
      for (const id of ['a', 'b', 'c']) servers.set(id, await RedisServer.start());
      const envOf = (id: string) => ({ PAXMESH_STORE: servers.get(id)?.url ?? '' });
      return new RedisCluster(await Cluster.start({ env, envOf }), servers);
    } catch (error) {
      for (const server of servers.values()) await server.stop();
      throw error;
    }
  }

  serverOf({ id }: NodeProcess): RedisServer {
    const server = this.#servers.get(id);
    if (server === undefined) throw new RangeError(`no Redis of ${id}`);
    return server;
  }

  async killServers(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.kill()));
  }

  async restartServers(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.restart()));
  }

  async close(): Promise<void> {
    await this.cluster.close();
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }
}
