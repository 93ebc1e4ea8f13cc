// Numbers for Prometheus, in a registry of this app's own. Groups and process are read when somebody asks; only the time
// of each HTTP request is taken as it happens.
import fp from 'fastify-plugin';
import { Gauge, Histogram, Registry } from 'prom-client';
import type { GroupFace, GroupStatus } from '../../src/engine/face.js';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

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

export class Metrics {
  readonly registry = new Registry();
  readonly #groups: GroupFace[] = [];
  readonly #requests = new Histogram({
    name: 'paxmesh_http_request_seconds',
    help: 'Time from request to answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [this.registry],
  });

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
      registers: [this.registry],
      collect() {
        fill(this);
      },
    });
  }

  observe(method: string, route: string, status: number, ms: number): void {
    this.#requests.observe({ method, route, status }, ms / 1000);
  }
}

export default fp(
  async (app) => {
    const metrics = new Metrics();
    app.decorate('metrics', metrics);
    app.addHook('onResponse', (request, reply, done) => {
      metrics.observe(request.method, request.routeOptions.url ?? 'unmatched', reply.statusCode, reply.elapsedTime);
      done();
    });
  },
  { name: 'metrics' },
);
