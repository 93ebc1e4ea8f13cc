// How the routes of kv, locks and counters put a command before the group and ask a machine: one way for all of them, with
// the same headers and parameters as POST proposals has. What the commands say is the routes' affair.
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ReadOptions, Route } from '../../src/engine/face.js';
import type { Committed } from '../../src/engine/views.js';
import { IDEMPOTENCY_WINDOW, masterElsewhere, proposeOptions } from '../../src/schemas/proposal.js';

declare module 'fastify' {
  interface FastifyInstance {
    machines: Machines;
  }
}

interface Machines {
  /**
   * Proposes JSON; of one that holds a value, `valueBytes` is what the limit of values counts. null: the answer is a redirect
   * to the master, and is given already.
   */
  write(
    request: FastifyRequest,
    reply: FastifyReply,
    machine: string,
    json: string | Buffer,
    valueBytes?: number,
  ): Promise<Committed | null>;
  /** What the machine answers; the headers say how fresh it is. */
  read(request: FastifyRequest, reply: FastifyReply, machine: string, question: unknown): Promise<unknown>;
}

interface WriteQuery {
  readonly route?: Route;
  readonly timeoutMs?: number;
}

export default fp(
  async (app) => {
    const machines: Machines = {
      async write(request, reply, machine, json, valueBytes) {
        const group = app.groupOf(request);
        const query = request.query as WriteQuery;
        const elsewhere = query.route === 'redirect' ? masterElsewhere(group.masterView(), app.node.id) : null;
        if (elsewhere !== null) {
          reply.redirect(elsewhere + request.url, 307);
          return null;
        }
        const { headers } = request.raw;
        const idempotencyKey = headers['idempotency-key'] as string | undefined;
        if (idempotencyKey !== undefined) reply.header('idempotency-window', IDEMPOTENCY_WINDOW);
        const bytes = typeof json === 'string' ? Buffer.from(json) : json;
        const committed = await group.propose(
          { machine, encoding: 'json', bytes, valueBytes, idempotencyKey },
          proposeOptions(query, headers),
        );
        if (committed.replayed) reply.header('idempotency-replayed', 'true');
        return committed;
      },

      async read(request, reply, machine, question) {
        const options = request.query as ReadOptions;
        const { answer, instanceId, read } = await app.groupOf(request).read(machine, question, {
          read: options.read,
          minInstance: options.minInstance,
          timeoutMs: options.timeoutMs,
        });
        reply.header('paxmesh-read', read).header('paxmesh-instance', instanceId);
        return answer;
      },
    };
    app.decorate('machines', machines);
  },
  { name: 'machines', dependencies: ['groups'] },
);
