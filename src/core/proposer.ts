// The proposer: drives one value at the open instance through the two phases. It keeps the right to skip phase one as
// long as its promise stands; any rejection, a change of membership, or losing its own acceptor to a higher ballot ends
// that right. A ballot is used by this node only, for one value per instance: a new round is taken whenever an accept was
// sent and something else must be proposed. Unanswered messages are sent again as they were; time alone never makes a
// new round, but time after a rejection does: who could still outvote the rejection may be out of reach for ever.

import type { Acceptor } from './acceptor.js';
import { type Ballot, compareBallots, maxBallot, NO_BALLOT, sameBallot } from './ballot.js';
import type { Effects } from './effects.js';
import type { InstanceId, Millis, NodeId, StoreId } from './ids.js';
import { invariant } from './invariant.js';
import { BACKOFF_MS_LIMIT, BACKOFF_MS_MAX, BACKOFF_MS_MIN, RESEND_MS, RESEND_MS_MAX } from './limits.js';
import { type Membership, mayVote, votersOf } from './membership.js';
import type { Accepted, Message, Promised, Rejected, Vote } from './message.js';
import type { Random } from './random.js';
import { Tally } from './tally.js';
import type { Value } from './value.js';

/** A large value takes its time on wires and disks: sent again too early, it stands in its own way until it starves. */
const RESEND_BYTES_PER_MS = 4000;

/** What the proposer sees of the replica it works in. */
export interface Site {
  readonly self: NodeId;
  readonly store: StoreId;
  readonly open: InstanceId;
  /** Checksum after open - 1. */
  readonly chain: number;
  readonly membership: Membership;
  readonly acceptor: Acceptor;
  readonly random: Random;
  /** Checksum after the open instance, if `value` is chosen there. */
  chainWith(value: Value): number;
}

interface Resending {
  resendAt: Millis;
  resendMs: Millis;
}

interface Preparing extends Resending {
  readonly type: 'preparing';
  readonly ballot: Ballot;
  readonly tally: Tally;
  /** The vote of the highest ballot among the promises so far. */
  best: Vote | null;
}

interface Accepting extends Resending {
  readonly type: 'accepting';
  readonly ballot: Ballot;
  readonly value: Value;
  readonly tally: Tally;
}

type Phase =
  | { readonly type: 'idle' }
  | Preparing
  | Accepting
  | { readonly type: 'backing-off'; readonly until: Millis };

const IDLE: Phase = { type: 'idle' };

export class Proposer {
  readonly #site: Site;
  #phase: Phase = IDLE;
  /** The host's value, proposed at the open instance and nowhere else. */
  #own: Value | null = null;
  /** Ballots in a row that came to nothing at the open instance. */
  #lost = 0;
  /** The ballot under which phase one may be skipped. */
  #right: Ballot | null = null;
  /** Highest promise anyone refused us with. */
  #seen: Ballot = NO_BALLOT;

  constructor(site: Site) {
    this.#site = site;
  }

  get own(): Value | null {
    return this.#own;
  }

  get phase(): Phase['type'] {
    return this.#phase.type;
  }

  get skipsPrepare(): boolean {
    return this.#right !== null && sameBallot(this.#right, this.#site.acceptor.promised);
  }

  get wakeAt(): Millis | null {
    const phase = this.#phase;
    if (phase.type === 'idle') return null;
    return phase.type === 'backing-off' ? phase.until : phase.resendAt;
  }

  propose(value: Value, now: Millis, out: Effects): void {
    invariant(this.#own === null, 'one-value-at-a-time', () => `${value.id} proposed while ${this.#own?.id} is open`);
    this.#own = value;
    if (this.#phase.type === 'idle') this.#begin(value, now, out);
  }

  /** Finish what someone left open: phase one, then whatever value it finds. */
  recover(now: Millis, out: Effects): void {
    if (this.#phase.type === 'idle') this.#prepare(now, out);
  }

  promised(from: NodeId, store: StoreId | null, message: Promised, now: Millis, out: Effects): void {
    const phase = this.#phase;
    if (phase.type !== 'preparing' || !sameBallot(phase.ballot, message.ballot)) return;
    if (!phase.tally.yes(from, store)) return;
    const vote = message.vote;
    if (vote !== null && (phase.best === null || compareBallots(vote.ballot, phase.best.ballot) > 0)) phase.best = vote;
    if (!phase.tally.won) return;
    this.#right = phase.ballot;
    this.#phase = IDLE;
    const value = phase.best?.value ?? this.#own;
    if (value !== null) this.#begin(value, now, out);
  }

  /** The value a majority has now voted for, with its ballot; null while there is none. */
  accepted(from: NodeId, store: StoreId | null, message: Accepted): Vote | null {
    const phase = this.#phase;
    if (phase.type !== 'accepting' || !sameBallot(phase.ballot, message.ballot)) return null;
    phase.tally.yes(from, store);
    return phase.tally.won ? { ballot: phase.ballot, value: phase.value } : null;
  }

  rejected(from: NodeId, store: StoreId | null, message: Rejected, now: Millis): void {
    this.#seen = maxBallot(this.#seen, message.promised);
    const phase = this.#phase;
    if (phase.type !== 'preparing' && phase.type !== 'accepting') return;
    if (!sameBallot(phase.ballot, message.ballot)) return;
    this.#right = null;
    phase.tally.no(from, store);
    if (phase.tally.lost) this.#backOff(now);
  }

  tick(now: Millis, out: Effects): void {
    const phase = this.#phase;
    if (phase.type === 'idle') return;
    if (phase.type === 'backing-off') {
      if (now >= phase.until) this.#prepare(now, out);
      return;
    }
    if (now < phase.resendAt) return;
    if (phase.tally.refused) {
      this.#backOff(now);
      return;
    }
    phase.resendMs = Math.min(phase.resendMs * 2, Math.max(phase.resendMs, RESEND_MS_MAX));
    phase.resendAt = now + phase.resendMs;
    for (const voter of votersOf(this.#site.membership)) this.resendTo(voter.id, out);
  }

  /** The peer is back, or level again: what it has not answered is sent to it once more. */
  resendTo(peer: NodeId, out: Effects): void {
    const phase = this.#phase;
    if (phase.type !== 'preparing' && phase.type !== 'accepting') return;
    if (phase.tally.hasAnswered(peer) || !this.#isOtherVoter(peer)) return;
    if (phase.type === 'preparing') out.after.push({ to: peer, message: this.#prepareMessage(phase.ballot) });
    else out.now.push({ to: peer, message: this.#acceptMessage(phase.ballot, phase.value) });
  }

  /** The open instance was closed with `chosen`: tells what became of my value, and is ready for the next instance. */
  nextInstance(chosen: Value, instance: InstanceId, membershipChanged: boolean, out: Effects): void {
    const own = this.#own;
    if (own !== null) {
      out.settled.push({ type: own.id === chosen.id ? 'chosen' : 'outbid', id: own.id, instance });
      this.#own = null;
    }
    this.#phase = IDLE;
    this.#lost = 0;
    if (membershipChanged) this.#right = null;
  }

  #backOff(now: Millis): void {
    // Rivals whose messages take longer than their pauses would outbid each other for ever.
    const longest = Math.min(BACKOFF_MS_MAX * 2 ** this.#lost++, BACKOFF_MS_LIMIT);
    this.#phase = { type: 'backing-off', until: now + this.#site.random.between(BACKOFF_MS_MIN, longest) };
  }

  #begin(value: Value, now: Millis, out: Effects): void {
    const right = this.#right;
    if (right === null || !sameBallot(right, this.#site.acceptor.promised)) this.#prepare(now, out);
    else this.#accept(right, value, now, out);
  }

  #prepare(now: Millis, out: Effects): void {
    const { self, store, open, acceptor, membership } = this.#site;
    this.#right = null;
    const ballot: Ballot = { round: Math.max(acceptor.promised.round, this.#seen.round) + 1, node: self };
    const mine = acceptor.prepare(open, ballot, out);
    invariant(mine.type === 'promised', 'ballot-owner', () => 'my own acceptor refused a ballot above its promise');
    invariant(mayVote(membership, self, store), 'listed-identity', () => `${self} prepares and may not vote`);
    this.#phase = {
      type: 'preparing',
      ballot,
      tally: new Tally(membership),
      best: null,
      resendAt: now + RESEND_MS,
      resendMs: RESEND_MS,
    };
    // No peer may hear of a ballot that a restart could use twice: `after`, not `now`.
    this.#toOtherVoters(out.after, this.#prepareMessage(ballot));
    out.after.push({ to: self, message: mine });
  }

  #accept(ballot: Ballot, value: Value, now: Millis, out: Effects): void {
    const { self, open, acceptor, membership } = this.#site;
    const mine = acceptor.accept(open, ballot, value, this.#site.chainWith(value), out);
    invariant(
      mine.type === 'accepted',
      'vote-after-promise',
      () => 'my own acceptor refused the ballot it has promised',
    );
    const resendMs = RESEND_MS + Math.floor(value.bytes.length / RESEND_BYTES_PER_MS);
    this.#phase = {
      type: 'accepting',
      ballot,
      value,
      tally: new Tally(membership),
      resendAt: now + resendMs,
      resendMs,
    };
    // The ballot is durable here since its prepare, so my disk and the peers' disks may work in parallel.
    this.#toOtherVoters(out.now, this.#acceptMessage(ballot, value));
    out.after.push({ to: self, message: mine });
  }

  #prepareMessage(ballot: Ballot): Message {
    return { type: 'prepare', instance: this.#site.open, ballot };
  }

  #acceptMessage(ballot: Ballot, value: Value): Message {
    return { type: 'accept', instance: this.#site.open, ballot, value, chain: this.#site.chain };
  }

  #toOtherVoters(box: Effects['now'], message: Message): void {
    for (const voter of votersOf(this.#site.membership)) {
      if (voter.id !== this.#site.self) box.push({ to: voter.id, message });
    }
  }

  #isOtherVoter(node: NodeId): boolean {
    return node !== this.#site.self && votersOf(this.#site.membership).some((voter) => voter.id === node);
  }
}
