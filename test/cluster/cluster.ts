// A cluster of real processes on loopback: founding members on free ports, a directory each under one temporary
// directory, and optionally a network between them that can be cut, which clients are not affected by.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { type Network, openNetwork, type Place } from './network.js';
import { eventually, NodeProcess, READY_MS } from './node-process.js';

export interface ClusterOptions {
  readonly nodes?: number;
  /** Settings of every node. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings of each node, over `env`. */
  readonly envOf?: (id: string) => Readonly<Record<string, string>>;
  /** Puts a network that can be cut between the nodes. */
  readonly chaos?: boolean;
}

/** What a call may take that does not say so itself: a busy machine may stand still for longer than the five seconds. */
const PATIENT = { PAXMESH_TIMEOUT_MS: '60000' };

export interface MasterAnswer {
  readonly node: string | null;
  readonly version: number | null;
  readonly self: boolean;
}

export class Cluster {
  readonly directory: string;
  readonly nodes: NodeProcess[];
  readonly network: Network | null;

  private constructor(directory: string, nodes: NodeProcess[], network: Network | null) {
    this.directory = directory;
    this.nodes = nodes;
    this.network = network;
  }

  /** Lays it out without starting anything. */
  static async make(options: ClusterOptions = {}): Promise<Cluster> {
    const { nodes: count = 3, env = {}, envOf = () => ({}), chaos = false } = options;
    const directory = await mkdtemp(join(tmpdir(), 'paxmesh-cluster-'));
    const network = chaos ? await openNetwork() : null;
    const cluster = new Cluster(directory, [], network);
    try {
      const places: (Place & { readonly id: string })[] = [];
      for (let number = 0; number < count; number++) {
        const id = String.fromCharCode(97 + number);
        places.push({ id, ...(await (network === null ? onLoopback() : network.place(id))) });
      }
      const members = places.map(({ id, url }) => `${id}=${url}`).join(',');
      for (const { id, listen, url, launcher, flags } of places) {
        const own = {
          PAXMESH_MEMBERS: members,
          PAXMESH_LISTEN: listen,
          PAXMESH_URL_ADVERTISED: url,
          PAXMESH_STORE: `embedded:${join(directory, id)}`,
        };
        const settings = { ...PATIENT, ...own, ...env, ...envOf(id) };
        cluster.nodes.push(new NodeProcess(id, Number(new URL(url).port), directory, settings, { launcher, flags }));
      }
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.make(options);
    try {
      cluster.startAll();
      await cluster.untilReady();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  node(id: string): NodeProcess {
    const node = this.nodes.find((known) => known.id === id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node;
  }

  /** Starts a node that founds nothing: it asks the nodes that are there already, and waits to be added. */
  async join(id: string, env: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
    const seeds = this.urls.join(',');
    const own = { PAXMESH_SEEDS: seeds, PAXMESH_STORE: `embedded:${join(this.directory, id)}` };
    const node = new NodeProcess(id, await freePort(), this.directory, { ...PATIENT, ...own, ...env });
    this.nodes.push(node);
    node.start();
    return node;
  }

  others(than: NodeProcess): readonly NodeProcess[] {
    return this.nodes.filter((node) => node !== than);
  }

  startAll(): void {
    for (const node of this.nodes) if (!node.isRunning) node.start();
  }

  async untilReady(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.untilReady()));
  }

  async killAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  /** The node that says of itself that it is master. */
  async master(): Promise<NodeProcess> {
    let found: NodeProcess | null = null;
    await eventually('somebody is master', async () => {
      for (const node of this.nodes.filter(({ isRunning }) => isRunning)) {
        const answer = await masterAt(node).catch(() => null);
        if (answer?.self === true) found = node;
      }
      return found !== null;
    });
    if (found === null) throw new Error('unreachable');
    return found;
  }

  /** Ends every process and removes everything. Safe at any time. */
  async close(): Promise<void> {
    for (const node of this.nodes) node.thaw();
    await this.killAll();
    await this.network?.close();
    if (process.env['KEEP_CLUSTERS'] === undefined) await rm(this.directory, { recursive: true, force: true });
  }
}

async function onLoopback(): Promise<Place> {
  const listen = `127.0.0.1:${await freePort()}`;
  return { listen, url: `http://${listen}`, launcher: [], flags: [] };
}

export async function masterAt(node: NodeProcess): Promise<MasterAnswer> {
  const answer = await fetch(`${node.url}/v1/groups/main/master`, { signal: AbortSignal.timeout(READY_MS) });
  return (await answer.json()) as MasterAnswer;
}
