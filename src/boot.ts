// Brings one node up inside this process: store, container, edge, groups, in that order. What is given back takes it all
// down again, in the reverse order. It decides nothing about the process it runs in, and listens only where it is asked to:
// inside somebody else's app the requests come from there (plugins/embed).
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import meshPlugin from '../plugins/app/mesh.js';
import { type AppOptions, buildApp } from './app.js';
import type { Config, StoreSetting } from './config.js';
import { MESH, NODE, nodeContainer } from './container.js';
import type { PaxosNode } from './engine/paxos-node.js';
import type { TraceNote } from './engine/ports.js';
import type { StateMachine } from './machines/machine.js';
import type { Mesh } from './net/mesh.js';
import { Seeds } from './seeds.js';
import { createStore } from './store/open-store.js';
import { VERSION } from './version.js';

export interface BootOptions {
  /** A broken invariant: the node has stopped and must not go on. */
  readonly fatal: (error: unknown) => void;
  readonly machines?: (group: string) => readonly StateMachine[];
  readonly loggerOptions?: NonNullable<AppOptions['loggerOptions']>;
  /** A logger that is there already, in place of one of the app's own. */
  readonly logger?: FastifyBaseLogger;
  /** What the paths of the API begin with. */
  readonly prefix?: string;
}

/** A node with its store open and its edge built, which takes no part yet. Closing the app takes all of it down. */
export interface RaisedNode {
  readonly app: FastifyInstance;
  readonly node: PaxosNode;
  readonly mesh: Mesh;
  /** Reads the groups and takes part from then on. */
  start(): Promise<void>;
}

export interface BootedNode {
  readonly app: FastifyInstance;
  readonly node: PaxosNode;
  /** Drains, closes sockets, then the store. */
  close(): Promise<void>;
}

/** Throws StoreUnusable, or what listening throws. Nothing is left behind then. */
export async function bootNode(config: Config, options: BootOptions): Promise<BootedNode> {
  const { app, node, start } = await raiseNode(config, options);
  try {
    await start();
    await app.listen({ host: config.listen.host, port: config.listen.port });
    const { port } = app.server.address() as AddressInfo;
    const { kind } = node.status().store;
    app.log.info({ note: 'listening', url: config.urlAdvertised, port, store: kind }, 'listening');
    return { app, node, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Throws StoreUnusable. Nothing is left behind then. */
export async function raiseNode(config: Config, options: BootOptions): Promise<RaisedNode> {
  const { fatal, machines = () => [], loggerOptions, logger, prefix } = options;
  const store = await createStore(storeUrl(config.store), { node: config.node, allowUnsafe: config.allowUnsafeStore });
  let app: FastifyInstance | null = null;
  try {
    const opening = await store.open();
    const trace = ({ name, level, group, facts }: TraceNote) => app?.log[level]({ note: name, group, ...facts }, name);
    const own = { version: VERSION, fatal, machines, trace, apiPath: prefix };
    const container = nodeContainer({ config, store, opening, ...own });
    const node = container.get(NODE);
    const mesh = container.get(MESH);
    const built = await buildApp({
      node,
      config,
      mesh: async (scope) => void (await scope.register(meshPlugin, { mesh })),
      ...(loggerOptions === undefined ? {} : { loggerOptions }),
      ...(logger === undefined ? {} : { logger }),
      ...(prefix === undefined ? {} : { prefix }),
    });
    app = built;
    const seeds = new Seeds({
      seeds: config.seeds,
      self: node.id,
      ca: config.tls?.ca ?? null,
      isNamed: () => config.groups.every((name) => isNamedIn(node, name)),
      invite: (guest) => node.invite(guest),
      found: (seed, peer) => trace({ name: 'seed-found', level: 'info', facts: { seed, peer } }),
      failed: (seed, reason) => trace({ name: 'seed-failed', level: 'warn', facts: { seed, reason } }),
    });
    built.addHook('onClose', async () => {
      seeds.close();
      node.close();
      await store.close();
    });
    const start = async (): Promise<void> => {
      await node.start();
      if (config.seeds.length > 0) seeds.start();
      for (const warning of store.warnings) built.log.warn({ note: 'store-warning', detail: warning }, warning);
    };
    return { app: built, node, mesh, start };
  } catch (error) {
    if (app === null) await store.close();
    else await app.close();
    throw error;
  }
}

function isNamedIn(node: PaxosNode, group: string): boolean {
  const { gid, members } = node.group(group)?.membersView() ?? { gid: null, members: [] };
  return gid !== null && members.some(({ id }) => id === node.id);
}

function storeUrl(store: StoreSetting): string {
  switch (store.kind) {
    case 'embedded':
      return `embedded:${store.directory}`;
    case 'redis':
      return store.url;
    case 'memory':
      return 'memory:';
  }
}
