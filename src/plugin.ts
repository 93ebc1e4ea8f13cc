// The Fastify plugin: a node of Paxmesh inside somebody else's app, which goes on having its own routes, hooks and errors.
// `app.paxmesh` is there as soon as the plugin is; the node takes part from when the app is ready, and is drained before the
// app closes its sockets. It never ends the process: when an invariant breaks, the node stops and says `halted` to everybody.
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { mount } from '../plugins/embed/mount.js';
import { type RaisedNode, raiseNode } from './boot.js';
import { type Config, ConfigError, isLoopback } from './config.js';
import { machinesOf } from './embed/machines.js';
import { configFrom, type PaxmeshOptions } from './embed/options.js';
import { Paxmesh } from './embed/paxmesh.js';
import { PaxmeshError } from './engine/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    paxmesh: Paxmesh;
  }
}

const plugin: FastifyPluginAsync<PaxmeshOptions> = async (app, options) => {
  const config = configFrom(options);
  const prefix = prefixOf(app, options);
  const machines = machinesOf(config.groups, options.machines ?? []);
  const end = new Ending();
  let raised: RaisedNode | null = null;
  const fatal = (error: unknown): void => {
    if (end.broken !== null) return;
    const detail = `a broken invariant has stopped this node: ${error instanceof Error ? error.message : error}`;
    end.broken = new PaxmeshError('halted', detail, { outcome: 'unknown', cause: error });
    app.log.fatal({ err: error }, detail);
    raised?.node.halt(detail);
    void raised?.mesh.close();
    end.now();
    options.onFatal?.(error);
  };
  raised = await raiseNode(config, { fatal, machines, logger: app.log, prefix });
  const { app: edge, node, start } = raised;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= edge.close();
    return closing;
  };
  edge.lifecycle.onClosing(() => end.now());
  app.decorate('paxmesh', new Paxmesh(node, end));
  // Also where the app never comes so far as to be ready.
  app.addHook('onClose', close);
  await edge.ready();
  await mount(app, { edge, prefix, http: options.http !== false, mayLink: (address) => mayLink(config, address) });
  app.addHook('onReady', start);
  app.addHook('preClose', close);
};

/** `await app.register(paxmesh, { node: 'a', store: 'embedded:./data', members, machines: [new Inventory()] })` */
export const paxmesh: FastifyPluginAsync<PaxmeshOptions> = fp(plugin, { name: 'paxmesh', fastify: '5.x' });

class Ending {
  readonly #controller = new AbortController();
  readonly closing = this.#controller.signal;
  broken: PaxmeshError | null = null;

  now(): void {
    this.#controller.abort();
  }
}

/** Peers come to an origin and nothing below it. */
function prefixOf(app: FastifyInstance, { prefix = '' }: PaxmeshOptions): string {
  if (app.prefix !== '') {
    throw new ConfigError(
      `paxmesh: register it on the app itself, not below ${app.prefix}; its own prefix moves the API`,
    );
  }
  if (/^(\/[\w.~-]+)*$/.test(prefix)) return prefix;
  throw new ConfigError('paxmesh: prefix must be a path such as /paxmesh, without a slash at its end');
}

/** Without a secret anybody who reaches the port could be a peer. */
function mayLink({ clusterSecret, insecure }: Config, address: string | undefined): boolean {
  return clusterSecret !== null || insecure || isLoopback((address ?? '').replace(/^::ffff:/, ''));
}
