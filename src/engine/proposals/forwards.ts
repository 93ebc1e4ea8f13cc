// What this node has handed to others and not had back from the log: how much may be under way to one node, who is not asked
// for a while, and when it is proposed by other means. Where to hand it is forwarder.ts; the units are the committer's.
import type { Millis, NodeId } from '../../core/ids.js';
import { packBatch } from '../../machines/batch.js';
import type { CommandOutcome } from '../../machines/router.js';
import { type ErrorCode, isErrorCode, PaxmeshError } from '../errors.js';
import type { Forward, ForwardRefused } from '../peer-messages.js';
import type { Placed, Unit } from './unit.js';

/**
 * A forward that has not come back from the log by then is proposed by other means; large ones take their time. While the
 * log goes on it is somebody's turn, just not ours: then it is handed over again at last, and not fought for. Writers that
 * outbid each other are slow, and cost the master its renewals.
 */
const FORWARD_PATIENCE_MS = 400;
const FORWARD_PATIENCE_MS_MAX = 3000;
const FORWARD_BYTES_PER_MS = 4000;
/**
 * So much may be on its way to one node and not yet back from the log. A link keeps its order: behind a whole queue of
 * large values this node's votes would come too late for the lease, and for everybody's commits.
 */
const FORWARD_WINDOW_BYTES = 2 * 1024 * 1024;
const COMMAND_OVERHEAD_BYTES = 64;
/** How long a node that refused or lost forwards is not asked again. */
const FORWARD_AVOID_MS = 1000;
/** How long what waits stays here when a node is full: it is the right one, and would be for everybody else too. */
const FORWARD_PAUSE_MS = 100;

interface Forwarded {
  readonly to: NodeId;
  readonly units: Unit[];
  readonly until: Millis;
  readonly latest: Millis;
}

/** Where units come from and go back to. */
export interface ForwardQueue {
  /** What waits and may leave this node, first come first served, as much as one value holds. */
  take(): Unit[];
  giveBack(units: readonly Unit[]): void;
  settle(unit: Unit, settlement: readonly Placed[] | PaxmeshError): void;
}

export class Forwards {
  readonly #queue: ForwardQueue;
  readonly #forwards = new Map<number, Forwarded>();
  readonly #avoid = new Map<NodeId, Millis>();
  /** Nodes that are full get nothing until then. */
  readonly #paused = new Map<NodeId, Millis>();
  /** Bytes under way to each node. */
  readonly #handedOver = new Map<NodeId, number>();
  #appliedAt: Millis = Number.NEGATIVE_INFINITY;
  #id: number;

  /**
   * `first` numbers the first one, so far from every other start's that an answer to a former life of this node is never
   * taken for one of this life.
   */
  constructor(queue: ForwardQueue, first: number) {
    this.#queue = queue;
    this.#id = first;
  }

  /** Whether a forward to this node makes sense now. */
  trusts(node: NodeId, now: Millis): boolean {
    const until = this.#avoid.get(node);
    return until === undefined || now >= until;
  }

  /** What waits and may be forwarded, as one message; null when there is nothing, or enough is on its way there. */
  next(to: NodeId, now: Millis, reply: boolean): Forward | null {
    if ((this.#handedOver.get(to) ?? 0) >= FORWARD_WINDOW_BYTES || now < (this.#paused.get(to) ?? now)) return null;
    const units = this.#queue.take();
    if (units.length === 0) return null;
    let waitMs = 0;
    let bytes = 0;
    for (const unit of units) {
      unit.sends++;
      unit.at = to;
      this.#handOver(to, weightOf(unit));
      bytes += unit.bytes;
      waitMs = Math.max(waitMs, unit.deadline - now);
    }
    const id = this.#id++;
    const until = now + FORWARD_PATIENCE_MS + bytes / FORWARD_BYTES_PER_MS;
    this.#forwards.set(id, { to, units, until, latest: until + FORWARD_PATIENCE_MS_MAX });
    return {
      type: 'forward',
      id,
      reply,
      waitMs: Math.ceil(waitMs),
      batch: packBatch(units.flatMap((u) => u.commands)),
    };
  }

  refused({ id, code, detail, retryAfterMs }: ForwardRefused, now: Millis): void {
    const forwarded = this.#forwards.get(id);
    if (forwarded === undefined) return;
    this.#forwards.delete(id);
    const known: ErrorCode = isErrorCode(code) ? code : 'overloaded';
    const final = known === 'overloaded';
    if (final) this.#paused.set(forwarded.to, now + FORWARD_PAUSE_MS);
    else this.#avoid.set(forwarded.to, now + FORWARD_AVOID_MS);
    const back: Unit[] = [];
    for (const unit of forwarded.units) {
      // Refused means that nothing came of this one; where it was sent before, its outcome is still open.
      unit.sends--;
      if (final && unit.sends === 0) this.#queue.settle(unit, new PaxmeshError(known, detail, { retryAfterMs }));
      else back.push(unit);
    }
    this.#queue.giveBack(back);
  }

  /** The node it was handed to says how it ended; this node's own log may tell first. */
  settledElsewhere(id: number, instance: number, index: number, outcomes: readonly CommandOutcome[]): void {
    const forwarded = this.#forwards.get(id);
    if (forwarded === undefined) return;
    this.#forwards.delete(id);
    let at = 0;
    for (const unit of forwarded.units) {
      const placed = unit.commands.flatMap((_, offset): Placed[] => {
        const outcome = outcomes[at + offset];
        return outcome === undefined ? [] : [{ instance, index: index + at + offset, outcome }];
      });
      at += unit.count;
      // A repeat: it took effect at an earlier place, which this node's own log will tell when it gets there.
      const isRepeat = placed.some(({ outcome }) => !outcome.applied && outcome.code === 'duplicate');
      if (placed.length === unit.count && !isRepeat) this.#queue.settle(unit, placed);
    }
  }

  /** The link to a node is gone: what was handed to it takes another route. */
  disconnected(node: NodeId): void {
    for (const [id, forwarded] of this.#forwards) {
      if (forwarded.to === node) this.#recall(id, forwarded);
    }
  }

  /** Something was applied here: the log goes on. */
  applied(now: Millis): void {
    this.#appliedAt = now;
  }

  /** Impatience: what has not come back takes another route. */
  sweep(now: Millis): void {
    for (const [id, forwarded] of this.#forwards) {
      if (forwarded.units.every((unit) => unit.done)) this.#forwards.delete(id);
      else if (now >= forwarded.until) {
        const goesOn = now - this.#appliedAt < FORWARD_PATIENCE_MS;
        if (goesOn && now < forwarded.latest) continue;
        if (!goesOn) this.#avoid.set(forwarded.to, now + FORWARD_AVOID_MS);
        this.#recall(id, forwarded);
      }
    }
  }

  /** The unit is settled, or waits here again. */
  cameBack(unit: Unit): void {
    if (unit.at !== null) this.#handOver(unit.at, -weightOf(unit));
    unit.at = null;
  }

  #recall(id: number, forwarded: Forwarded): void {
    this.#forwards.delete(id);
    this.#queue.giveBack(forwarded.units);
  }

  #handOver(to: NodeId, bytes: number): void {
    this.#handedOver.set(to, (this.#handedOver.get(to) ?? 0) + bytes);
  }
}

function weightOf({ bytes, count }: Unit): number {
  return bytes + count * COMMAND_OVERHEAD_BYTES;
}
