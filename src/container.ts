// The composition root: the only file that knows tsyringe, and where every room meets. No decorators: typed tokens and
// factories, so that a wrong wiring does not compile. Each node gets a container of its own; nothing is registered
// globally. The store is opened before the container is built, because resolving cannot wait. It starts and stops
// nothing: life cycles belong to server.ts and Fastify's hooks.
import 'reflect-metadata';
import { type DependencyContainer, type InjectionToken, instanceCachingFactory, container as root } from 'tsyringe';
import type { Config } from './config.js';
import type { LogStore, StoreOpening } from './engine/log-store.js';
import { PaxosNode } from './engine/paxos-node.js';
import type { Clock, Trace } from './engine/ports.js';
import { systemClock } from './engine/system-clock.js';
import type { StateMachine } from './machines/machine.js';
import { commandBytesMaxFor } from './machines/value-limit.js';
import { frameBytesMaxFor, Mesh } from './net/mesh.js';

export type Token<T> = Exclude<InjectionToken<T>, string> & { readonly __type?: T };
const token = <T>(name: string): Token<T> => Symbol(name) as unknown as Token<T>;

export const CONFIG: Token<Config> = token('config');
export const CLOCK: Token<Clock> = token('clock');
export const TRACE: Token<Trace> = token('trace');
export const STORE: Token<LogStore> = token('store');
export const OPENING: Token<StoreOpening> = token('opening');
export const FATAL: Token<(error: unknown) => void> = token('fatal');
export const VERSION: Token<string> = token('version');
export const MACHINES: Token<(group: string) => readonly StateMachine[]> = token('machines');
export const MESH: Token<Mesh> = token('mesh');
export const NODE: Token<PaxosNode> = token('node');

/** What only the process knows. */
export interface Surroundings {
  readonly config: Config;
  readonly store: LogStore;
  readonly opening: StoreOpening;
  readonly version: string;
  readonly trace: Trace;
  readonly fatal: (error: unknown) => void;
  readonly machines: (group: string) => readonly StateMachine[];
  /** What the paths of the API begin with. */
  readonly apiPath?: string | undefined;
}

export interface Container {
  get<T>(what: Token<T>): T;
}

export function nodeContainer(surroundings: Surroundings): Container {
  const node = root.createChildContainer();
  value(node, CONFIG, surroundings.config);
  value(node, CLOCK, systemClock);
  value(node, STORE, surroundings.store);
  value(node, OPENING, surroundings.opening);
  value(node, VERSION, surroundings.version);
  value(node, TRACE, surroundings.trace);
  value(node, FATAL, surroundings.fatal);
  value(node, MACHINES, surroundings.machines);
  singleton(node, MESH, ({ get }) => {
    const config = get(CONFIG);
    const { tls } = config;
    return new Mesh({
      id: config.node,
      store: () => get(OPENING).identity,
      secret: config.clusterSecret,
      gids: () => get(NODE).gids(),
      frameBytesMax: frameBytesMaxFor(commandBytesMaxFor(config.valueBytesMax)),
      trace: get(TRACE),
      onFatal: get(FATAL),
      ...(tls === null ? {} : { tls: { cert: tls.cert, key: tls.key, ...(tls.ca === null ? {} : { ca: tls.ca }) } }),
    });
  });
  singleton(node, NODE, ({ get }) => {
    const config = get(CONFIG);
    return new PaxosNode({
      id: config.node,
      url: config.urlAdvertised,
      version: get(VERSION),
      groups: config.groups,
      members: config.members,
      leaseMs: config.leaseMs,
      timeoutMs: config.timeoutMs,
      valueBytesMax: config.valueBytesMax,
      apiPath: surroundings.apiPath,
      store: get(STORE),
      opening: get(OPENING),
      transport: get(MESH),
      clock: get(CLOCK),
      trace: get(TRACE),
      machines: get(MACHINES),
      fatal: get(FATAL),
    });
  });
  return face(node);
}

function face(container: DependencyContainer): Container {
  return { get: <T>(what: Token<T>): T => container.resolve<T>(what as InjectionToken<T>) };
}

/** The factory closes over the owning container, so a product never captures a narrower scope's parts. */
function singleton<T>(owner: DependencyContainer, what: Token<T>, make: (from: Container) => T): void {
  owner.register<T>(what as InjectionToken<T>, { useFactory: instanceCachingFactory(() => make(face(owner))) });
}

function value<T>(owner: DependencyContainer, what: Token<T>, it: T): void {
  owner.register<T>(what as InjectionToken<T>, { useValue: it });
}
