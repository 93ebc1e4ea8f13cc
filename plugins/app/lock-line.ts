// Who waits on this node for a lock to become free: a line for each lock, first come, first served. Only the first of a
// line asks for the lock, and only when this node has seen it become free. On other nodes others may stand in lines of their
// own; between those, the log decides.
import fp from 'fastify-plugin';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace } from '../../src/engine/face.js';

declare module 'fastify' {
  interface FastifyInstance {
    lockLine: LockLine;
  }
}

/** On one node, over all locks. */
const WAITING_MAX = 10_000;

export interface Wanted<T> {
  readonly group: GroupFace;
  readonly name: string;
  readonly waitMs: number;
  /** Nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** A refusal is the group's last word: it remembers the answer to an idempotency key, and would give it again. */
  readonly isFinal: boolean;
  /** Asks for the lock. Rejects with lock-held. */
  readonly attempt: () => Promise<T>;
}

interface Turn {
  /** It is the first of its line now. */
  called: () => void;
}

class LockLine {
  readonly #lines = new Map<string, Turn[]>();
  #waiting = 0;

  /** What the attempt that got the lock answers; or when time is up, what the last attempt has to say. */
  async acquire<T>(wanted: Wanted<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) throw new PaxmeshError('overloaded', 'Too many wait for locks on this node');
    const until = performance.now() + wanted.waitMs;
    const place = `${wanted.group.name}/${wanted.name}`;
    const line = this.#lines.get(place) ?? [];
    this.#lines.set(place, line);
    const turn: Turn = { called: () => undefined };
    line.push(turn);
    this.#waiting += 1;
    try {
      if (line[0] !== turn) await calledOrOver(turn, wanted, until);
      return await whenFree(wanted, until);
    } finally {
      this.#waiting -= 1;
      line.splice(line.indexOf(turn), 1);
      if (line.length === 0) this.#lines.delete(place);
      else line[0]?.called();
    }
  }
}

/** The first of its line, or time is up, or the caller is gone. */
function calledOrOver(turn: Turn, { signal }: Wanted<unknown>, until: number): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, Math.max(0, until - performance.now()));
    signal.addEventListener('abort', over);
    turn.called = over;
    if (signal.aborted) over();
  });
}

async function whenFree<T>(wanted: Wanted<T>, until: number): Promise<T> {
  const { group, name, signal, isFinal, attempt } = wanted;
  /** The place of the last refusal: an older look at the lock says nothing. */
  let minInstance: number | undefined;
  for (;;) {
    if (signal.aborted) throw new PaxmeshError('lock-held', 'The caller is gone');
    const leftMs = Math.ceil(until - performance.now());
    if (leftMs <= 0) return attempt();
    const timeoutMs = Math.min(leftMs, 60_000);
    const seen = await lookAt(group, name, { minInstance, timeoutMs });
    if (seen === 'free' && !signal.aborted) {
      try {
        return await attempt();
      } catch (error) {
        if (isFinal || !(error instanceof PaxmeshError) || error.code !== 'lock-held') throw error;
        minInstance = error.facts['instanceId'] as number;
      }
    } else if (seen === group.applied) await group.changed(timeoutMs, signal);
  }
}

/** 'free', or the instance as of which it is held. */
async function lookAt(
  group: GroupFace,
  name: string,
  options: { readonly minInstance: number | undefined; readonly timeoutMs: number },
): Promise<'free' | number> {
  try {
    const { answer, instanceId } = await group.read('lock', { name }, { read: 'local', ...options });
    return answer === null ? 'free' : instanceId;
  } catch (error) {
    // This node lags behind the refusal it was told of: to its eyes the lock is held.
    if (error instanceof PaxmeshError && error.code === 'catching-up') return group.applied;
    throw error;
  }
}

export default fp(async (app) => void app.decorate('lockLine', new LockLine()), { name: 'lock-line' });
