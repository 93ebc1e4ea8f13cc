// Numbers for Prometheus, in a registry of this app's own. Groups and process are read when somebody asks; only the time
// of each HTTP request is taken as it happens.
import type { onResponseHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { Gauge, Registry } from 'prom-client';
import type { GroupFace } from '../../src/engine/face.js';
import type { GroupStatus } from '../../src/engine/views.js';
import { RequestTimes, requestTimesText } from './request-times.js';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

const GROUP_GAUGES: readonly (readonly [string, string, (status: GroupStatus) => number])[] = [
  ['applied', 'Last applied instance', (status) => status.applied],
  ['last_chosen', 'Last chosen instance known here', (status) => status.lastChosen],
  ['first_kept', 'First instance in the log', (status) => status.firstKept],
  ['halted', '1 while the group is halted on this node', (status) => Number(status.halted !== null)],
  ['master', '1 while this node holds the lease', (status) => Number(status.master.self)],
  ['queued', 'Commands waiting to be proposed', (status) => status.load.queued],
  ['queued_bytes', 'Bytes of those', (status) => status.load.queuedBytes],
  ['waiting', 'Callers waiting for an answer', (status) => status.load.waiting],
  ['store_available', '1 while the store takes writes', (status) => Number(status.store.available)],
];

class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #groups: GroupFace[] = [];
  readonly #requests: RequestTimes[] = [];

  constructor() {
    for (const [name, help, read] of GROUP_GAUGES)
      this.#gauge(`paxmesh_group_${name}`, help, ['group'], (gauge) => {
        for (const group of this.#groups) gauge.set({ group: group.name }, read(group.status()));
      });
    this.#gauge('paxmesh_peer_connected', '1 while the link to the peer is up', ['group', 'peer'], (gauge) => {
      gauge.reset();
      for (const group of this.#groups) {
        for (const peer of group.status().peers)
          gauge.set({ group: group.name, peer: peer.id }, Number(peer.connected));
      }
    });
    this.gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
    this.gauge('process_cpu_seconds_total', 'Processor time, user and system', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    this.gauge('process_uptime_seconds', 'Since the process started', () => process.uptime());
  }

  addGroup(group: GroupFace): void {
    this.#groups.push(group);
  }

  /** A number that is read when the metrics are asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#gauge(name, help, [], (gauge) => gauge.set(read()));
  }

  #gauge(name: string, help: string, labelNames: string[], fill: (gauge: Gauge) => void): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        fill(this);
      },
    });
  }

  async text(): Promise<string> {
    return (await this.#registry.metrics()) + requestTimesText(this.#requests);
  }

  /** What to call with the status and time of each answer of a route. */
  route(method: string, route: string): (status: number, ms: number) => void {
    const times = new Map<number, RequestTimes>();
    return (status, ms) => {
      let known = times.get(status);
      if (known === undefined) {
        known = new RequestTimes(method, route, status);
        times.set(status, known);
        this.#requests.push(known);
      }
      known.add(ms / 1000);
    };
  }
}

export default fp(
  async (app) => {
    const metrics = new Metrics();
    app.decorate('metrics', metrics);
    const unmatched = metrics.route('any', 'unmatched');
    // A hook for each route, which knows its name: asking the request for it costs as much as all the rest of this.
    app.addHook('onRoute', (route) => {
      const observe = metrics.route(String(route.method), `${route.url}`);
      const hook: onResponseHookHandler = (_request, reply, done) => {
        observe(reply.statusCode, reply.elapsedTime);
        done();
      };
      const { onResponse = [] } = route;
      route.onResponse = [hook, ...(Array.isArray(onResponse) ? onResponse : [onResponse])];
    });
    app.addHook('onResponse', (request, reply, done) => {
      if (request.is404) unmatched(reply.statusCode, reply.elapsedTime);
      done();
    });
  },
  { name: 'metrics' },
);
