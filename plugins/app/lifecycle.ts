// The order of going: unready, drain the engine, wake what waits (feeds, long polls), then sockets, then what is left of
// the connections. Must be registered before the WebSocket plugin, whose own closing would cut the peers' links while
// proposals are still in flight.
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { ReadyCheck } from '../../src/engine/views.js';

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: Lifecycle;
  }
}

const DRAIN_MS = 3000;
/** Callers that are busy hear `draining` and `Connection: close` before their idle connections go, not a broken one. */
const LINGER_MS = 150;
const CONNECTION_GRACE_MS = 1000;
const IDLE_CHECK_MS = 50;

/** Whether this process is on its way out, and who wants to know when waiting is over. */
class Lifecycle {
  draining = false;
  readonly #waiting = new Set<() => void>();
  #woken = false;

  /** Calls `wake` once, when waits must end; soon, when they must already. Returns the way to be forgotten. */
  onClosing(wake: () => void): () => boolean {
    this.#waiting.add(wake);
    if (this.#woken) queueMicrotask(() => this.#waiting.delete(wake) && wake());
    return () => this.#waiting.delete(wake);
  }

  /** A wait that ends early, with 503, when the node goes; `signal` also fires when the client has left. */
  async whileConnected<T>(reply: FastifyReply, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const left = (): void => controller.abort();
    reply.raw.once('close', left);
    let forget: () => boolean = () => false;
    const closing = new Promise<never>((_resolve, reject) => {
      forget = this.onClosing(() => {
        reject(new PaxmeshError('draining', 'This node is going; ask another one'));
        controller.abort();
      });
    });
    try {
      return await Promise.race([wait(controller.signal), closing]);
    } finally {
      forget();
      reply.raw.off('close', left);
    }
  }

  /** For /readyz. */
  checks(): readonly ReadyCheck[] {
    return this.draining ? [{ name: 'lifecycle', ok: false, code: 'draining', detail: 'this node is going' }] : [];
  }

  wakeAll(): void {
    this.#woken = true;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

export default fp(
  async (app) => {
    const lifecycle = new Lifecycle();
    app.decorate('lifecycle', lifecycle);
    let idle: NodeJS.Timeout | undefined;
    let late: NodeJS.Timeout | undefined;
    app.addHook('preClose', async () => {
      lifecycle.draining = true;
      await app.node.drain(DRAIN_MS);
      lifecycle.wakeAll();
      await pause(LINGER_MS);
      // The server closes what is idle once; what becomes idle later would keep it open until its keep-alive ends.
      idle = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
      late = setTimeout(() => app.server.closeAllConnections(), CONNECTION_GRACE_MS);
    });
    app.addHook('onClose', async () => {
      clearInterval(idle);
      clearTimeout(late);
    });
  },
  { name: 'lifecycle' },
);
