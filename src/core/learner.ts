// The learner's judgement of how far others are: whom to ask, when to ask someone else, when to stop believing. It keeps
// claims, not entries; closing instances is the replica's act. A claim is bounded and expires: a node that is told it
// lags must be taught within a time, or it disbelieves who said so (fault 5 of the original: one forged packet with a
// huge instance id blocked a node for ever).
import type { InstanceId, Millis, NodeId } from './ids.js';
import { ASK_MS, LAG_BELIEF_MS } from './limits.js';

interface Claim {
  /** Open instance claimed by `by`: everything below is chosen, says it. */
  readonly open: InstanceId;
  readonly by: NodeId;
}

export class Learner {
  #claim: Claim | null = null;
  #believeUntil: Millis = 0;
  #askAgainAt: Millis | null = null;
  readonly #disbelieved = new Map<NodeId, Distrust>();

  /** Someone said that everything below `claimed` is chosen. Returns whom to ask now, or null. */
  heard(claimed: InstanceId, by: NodeId, open: InstanceId, now: Millis): NodeId | null {
    if (claimed <= open) return null;
    const distrust = this.#disbelieved.get(by);
    if (distrust !== undefined) {
      if (now < distrust.until) return distrust.asks(by, now);
      this.#disbelieved.delete(by);
    }
    if (this.#claim === null) this.#believeUntil = now + LAG_BELIEF_MS;
    if (this.#claim === null || claimed > this.#claim.open) this.#claim = { open: claimed, by };
    if (this.#askAgainAt !== null) return null;
    this.#askAgainAt = now + ASK_MS;
    return by;
  }

  /** An instance was closed: progress renews belief, and being level ends it. */
  advanced(open: InstanceId, now: Millis): void {
    if (this.#claim === null) return;
    this.#believeUntil = now + LAG_BELIEF_MS;
    if (this.#claim.open <= open) this.#forget();
  }

  /** A snapshot is in place up to `open`. Returns whom to ask for the rest, or null. */
  installed(open: InstanceId, now: Millis): NodeId | null {
    this.advanced(open, now);
    if (this.#claim === null) return null;
    this.#askAgainAt = now + ASK_MS;
    return this.#claim.by;
  }

  /** This peer has taught something new: it is not the liar it was taken for, its answers were lost on the way. */
  proved(teacher: NodeId): void {
    this.#disbelieved.delete(teacher);
  }

  /** A teacher has answered and knows more: ask it for the rest at once. */
  continueWith(now: Millis): void {
    this.#askAgainAt = now + ASK_MS;
  }

  /** What is missing comes as a snapshot: belief goes on, and nobody else need be asked meanwhile. */
  fetching(now: Millis): void {
    if (this.#claim === null) return;
    this.#believeUntil = now + LAG_BELIEF_MS;
    this.#askAgainAt = now + LAG_BELIEF_MS;
  }

  /** Whom to ask because the last one asked stayed silent; `others` are the members to choose from. */
  tick(now: Millis, others: readonly NodeId[], pick: (count: number) => number): NodeId | null {
    if (this.#claim === null) return null;
    if (now >= this.#believeUntil) {
      this.#disbelieved.set(this.#claim.by, new Distrust(now));
      this.#forget();
      return null;
    }
    if (this.#askAgainAt === null || now < this.#askAgainAt) return null;
    this.#askAgainAt = now + ASK_MS;
    return others.length === 0 ? this.#claim.by : (others[pick(others.length)] ?? this.#claim.by);
  }

  /** Highest open instance believed to exist; null: nobody is known to be ahead. */
  get believes(): InstanceId | null {
    return this.#claim === null ? null : this.#claim.open;
  }

  get wakeAt(): Millis | null {
    if (this.#claim === null) return null;
    return this.#askAgainAt === null ? this.#believeUntil : Math.min(this.#believeUntil, this.#askAgainAt);
  }

  #forget(): void {
    this.#claim = null;
    this.#askAgainAt = null;
  }
}

/**
 * Whoever claimed what it did not teach moves nothing for a while, but is still asked now and then: an honest peer whose
 * answers were lost must not leave this node behind until the time is over.
 */
class Distrust {
  readonly until: Millis;
  #askAt: Millis;

  constructor(now: Millis) {
    this.until = now + 10 * LAG_BELIEF_MS;
    this.#askAt = now;
  }

  asks(by: NodeId, now: Millis): NodeId | null {
    if (now < this.#askAt) return null;
    this.#askAt = now + ASK_MS;
    return by;
  }
}
