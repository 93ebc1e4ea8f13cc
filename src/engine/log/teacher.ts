// The teacher reads the past for peers that lag: one read under way per peer, one bounded message per ask. The learner
// paces it: it asks for the next part when it has the last one on disk. Where the log no longer reaches back far enough, a
// checkpoint is offered instead.
import type { InstanceId, NodeId } from '../../core/ids.js';
import { TEACH_BYTES_MAX, TEACH_ENTRIES_MAX } from '../../core/limits.js';
import type { Teach } from '../../core/message.js';
import type { RecentLog } from './recent-log.js';

export class Teacher {
  readonly #log: RecentLog;
  readonly #send: (to: NodeId, message: Teach) => void;
  readonly #offer: (to: NodeId) => void;
  readonly #failed: (error: unknown) => void;
  /** Peers with a read under way, and what they asked for meanwhile. */
  readonly #busy = new Map<NodeId, InstanceId | null>();
  /**
   * What stands below was decided by another cluster, of which this one was recovered: whoever learned it one by one would
   * believe itself in that one on the way.
   */
  teachesFrom: InstanceId = 0;

  /** `offer`: what the peer asks for is trimmed, or is not taught. */
  constructor(
    log: RecentLog,
    send: (to: NodeId, message: Teach) => void,
    offer: (to: NodeId) => void,
    failed: (error: unknown) => void,
  ) {
    this.#log = log;
    this.#send = send;
    this.#offer = offer;
    this.#failed = failed;
  }

  serve(to: NodeId, from: InstanceId): void {
    if (this.#busy.has(to)) {
      this.#busy.set(to, from);
      return;
    }
    this.#busy.set(to, null);
    void this.#teach(to, from);
  }

  async #teach(to: NodeId, from: InstanceId): Promise<void> {
    try {
      let next: InstanceId | null = from;
      while (next !== null) {
        const read = await this.#log.read(next, TEACH_ENTRIES_MAX, TEACH_BYTES_MAX);
        if (next < Math.max(this.#log.firstKept, this.teachesFrom)) {
          this.#offer(to);
          return;
        }
        const entries = read.map(({ instance, ballot, value, chain }) => ({ instance, ballot, value, chain }));
        this.#send(to, { type: 'teach', open: this.#log.lastChosen + 1, entries });
        const end: InstanceId = next + entries.length;
        next = this.#busy.get(to) ?? null;
        this.#busy.set(to, null);
        // Whatever was asked during the read and has just been sent needs no second sending.
        if (next !== null && next < end) next = null;
      }
    } catch (error) {
      // A hole in the log, perhaps: below the checkpoint it need not be filled.
      this.#failed(error);
      this.#offer(to);
    } finally {
      this.#busy.delete(to);
    }
  }
}
