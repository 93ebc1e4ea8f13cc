// One group's Paxos on one node: acceptor, proposer and learner at the open instance, as a function of what came in and
// when. `step` is synchronous, total and deterministic; what it wants done stands in `out` (effects.ts says what must be
// durable before what is sent). Instances run strictly one after the other: i + 1 opens here when i is closed here, under
// the membership that i left behind. It does not apply values, read the past, or know sockets and disks.
import { Acceptor, type OwnVote } from './acceptor.js';
import { type Ballot, compareBallots, sameBallot } from './ballot.js';
import type { Chain } from './chain.js';
import type { Effects } from './effects.js';
import type { InstanceId, Millis, NodeId, StoreId } from './ids.js';
import { invariant } from './invariant.js';
import { Learner } from './learner.js';
import { IDLE_ASK_MS, INSTANCE_JUMP_MAX, RECOVER_MS, ROUND_JUMP_MAX, UNCLOSED_MS } from './limits.js';
import { type Membership, mayVote } from './membership.js';
import type { Accept, Chosen, Message, Prepare, Teach } from './message.js';
import { Proposer, type Site } from './proposer.js';
import { Random } from './random.js';
import type { Value } from './value.js';

/** Pure functions the host brings. */
export interface ReplicaHost {
  readonly chain: Chain;
  /** The membership for instance + 1, given the one for `instance` and the value chosen there. */
  membershipAfter(membership: Membership, instance: InstanceId, value: Value): Membership;
}

/** Where a replica starts: what the store held, with the log below `open` replayed into `membership`. */
export interface ReplicaStart {
  readonly self: NodeId;
  /** Identity of this node's store. */
  readonly store: StoreId;
  readonly open: InstanceId;
  /** Checksum after open - 1. */
  readonly chain: number;
  readonly promised: Ballot;
  /** The durable vote at the open instance. */
  readonly vote: OwnVote | null;
  readonly membership: Membership;
  /**
   * Votes and proposes only at this instance and later ones: 0 in health; beyond the last stored record when a closed
   * one has to be learned again; null: never, because a vote may have been lost.
   */
  readonly votesFrom: InstanceId | null;
  /**
   * May vote while the group has no gid. False for a store that was never used, until the other founders have said that
   * they are new too: it might be a wiped one, of a cluster that stands (the amnesia guard).
   */
  readonly mayFound: boolean;
  readonly seed: number;
}

export type Input =
  /** A message from a peer whose identity the transport has proved. */
  | { readonly type: 'deliver'; readonly from: NodeId; readonly store: StoreId | null; readonly message: Message }
  /** The host may propose while `wantsValue`. Answered by exactly one Settled, as long as this replica lives. */
  | { readonly type: 'propose'; readonly value: Value }
  | { readonly type: 'connected'; readonly peer: NodeId }
  /** The host has proof that no vote of this new store can be missing: it may found. */
  | { readonly type: 'may-found' }
  /** The host has put a snapshot in place that holds everything through `instance`; its flush says so before anything else. */
  | {
      readonly type: 'install';
      readonly instance: InstanceId;
      /** The chain's checksum after that instance. */
      readonly chain: number;
      /** The members that decide the next one. */
      readonly membership: Membership;
    }
  /** The host is fetching a snapshot and gets on with it: whoever said that I lag was right. */
  | { readonly type: 'fetching' }
  | { readonly type: 'tick' };

export class Replica implements Site {
  readonly self: NodeId;
  readonly store: StoreId;
  readonly random: Random;
  readonly acceptor: Acceptor;
  readonly #host: ReplicaHost;
  readonly #votesFrom: InstanceId | null;
  #mayFound: boolean;
  readonly #proposer: Proposer;
  readonly #learner = new Learner();
  #open: InstanceId;
  #chain: number;
  #membership: Membership;
  #diverged = false;
  /** When to see to a vote that nobody has closed; `#askedUnclosed`: peers were asked, the next time is a prepare. */
  #unclosedAt: Millis | null = null;
  #askedUnclosed = false;
  /** The instance whose vote was found on disk at the start; null: none. */
  #recovering: InstanceId | null = null;
  /** When a node without a vote, whom nobody has to tell anything, asks by itself. */
  #idleAt: Millis;

  constructor(start: ReplicaStart, host: ReplicaHost, now: Millis) {
    this.self = start.self;
    this.store = start.store;
    this.random = new Random(start.seed);
    this.acceptor = new Acceptor(start.promised, start.vote);
    this.#host = host;
    this.#votesFrom = start.votesFrom;
    this.#mayFound = start.mayFound;
    this.#open = start.open;
    this.#chain = start.chain;
    this.#membership = start.membership;
    this.#proposer = new Proposer(this);
    if (start.vote !== null) {
      // Others are asked as soon as they connect. If nobody knows, it is finished soon: until then an acknowledged value
      // may be missing here. Where there is nobody else, nobody is waited for.
      const isAlone = start.membership.members.every(({ id }) => id === start.self);
      this.#recovering = start.open;
      this.#askedUnclosed = true;
      this.#unclosedAt = isAlone ? now : now + this.random.between(RECOVER_MS, 2 * RECOVER_MS);
    }
    this.#idleAt = now + IDLE_ASK_MS;
  }

  /** The instance this replica would vote on next; everything below is closed here. */
  get open(): InstanceId {
    return this.#open;
  }

  /** Checksum after open - 1. */
  get chain(): number {
    return this.#chain;
  }

  /** The members that decide the open instance. */
  get membership(): Membership {
    return this.#membership;
  }

  get promised(): Ballot {
    return this.acceptor.promised;
  }

  get diverged(): boolean {
    return this.#diverged;
  }

  /** May cast votes and propose at the open instance. */
  get mayVote(): boolean {
    if (this.#diverged || this.#votesFrom === null || this.#open < this.#votesFrom) return false;
    if (this.#membership.gid === null && !this.#mayFound) return false;
    return mayVote(this.#membership, this.self, this.store);
  }

  /** Level with the group, or one behind, as far as anybody has told. */
  get isLevel(): boolean {
    const believed = this.#learner.believes;
    return believed === null || believed <= this.#open + 1;
  }

  /** The fate of the vote found on disk at the start is still unknown. */
  get isRecovering(): boolean {
    return this.#recovering === this.#open;
  }

  /** A `propose` would be taken now. */
  get wantsValue(): boolean {
    return this.mayVote && this.isLevel && this.#proposer.own === null;
  }

  /** The next proposal costs one round trip, not two. */
  get skipsPrepare(): boolean {
    return this.#proposer.skipsPrepare;
  }

  /** When this replica wants a tick; null: never. */
  get wakeAt(): Millis | null {
    if (this.#diverged) return null;
    const idleAt = this.mayVote ? null : this.#idleAt;
    return earliest(earliest(this.#proposer.wakeAt, this.#learner.wakeAt), earliest(this.#unclosedAt, idleAt));
  }

  chainWith(value: Value): number {
    return this.#host.chain(this.#chain, this.#open, value);
  }

  step(input: Input, now: Millis, out: Effects): void {
    if (this.#diverged) {
      if (input.type === 'propose') out.settled.push({ type: 'refused', id: input.value.id, reason: 'not-a-member' });
      return;
    }
    switch (input.type) {
      case 'deliver':
        this.#deliver(input.from, input.store, input.message, now, out);
        break;
      case 'propose':
        this.#propose(input.value, now, out);
        break;
      case 'connected':
        // Both sides ask at once: whoever lags is taught, also when the group is idle.
        out.after.push({ to: input.peer, message: { type: 'ask', open: this.#open } });
        this.#proposer.resendTo(input.peer, out);
        break;
      case 'may-found':
        this.#mayFound = true;
        break;
      case 'install':
        this.#install(input, now, out);
        break;
      case 'fetching':
        this.#learner.fetching(now);
        break;
      case 'tick':
        this.#tick(now, out);
        break;
    }
  }

  /** The log goes on behind a snapshot. The promise stays as it is: it belongs to the group, not to an instance. */
  #install({ instance, chain, membership }: Extract<Input, { type: 'install' }>, now: Millis, out: Effects): void {
    if (instance < this.#open) return;
    invariant(membership.version <= instance, 'one-membership', () => {
      return `a snapshot of ${instance} with members of ${membership.version}`;
    });
    this.#membership = membership;
    this.#proposer.installed(instance, out);
    this.#goOn(instance, chain, now);
    const teacher = this.#learner.installed(this.#open, now);
    if (teacher !== null) this.#ask(teacher, out);
  }

  #propose(value: Value, now: Millis, out: Effects): void {
    if (!this.mayVote) out.settled.push({ type: 'refused', id: value.id, reason: 'not-a-member' });
    else if (!this.isLevel) out.settled.push({ type: 'refused', id: value.id, reason: 'catching-up' });
    else this.#proposer.propose(value, now, out);
  }

  #deliver(from: NodeId, store: StoreId | null, message: Message, now: Millis, out: Effects): void {
    if (this.#isAbsurd(message)) return;
    switch (message.type) {
      case 'ask':
        if (message.open < this.#open) out.serve.push({ to: from, from: message.open });
        else if (message.open === this.#open) this.#proposer.resendTo(from, out);
        this.#heard(message.open, from, now, out);
        return;
      case 'teach':
        this.#learn(from, message, now, out);
        return;
      case 'chosen':
        this.#chosen(from, store, message, now, out);
        return;
      case 'prepare':
      case 'accept':
        if (message.instance === this.#open) this.#vote(from, store, message, now, out);
        else if (message.instance < this.#open) out.serve.push({ to: from, from: message.instance });
        else this.#heard(message.instance, from, now, out);
        return;
      case 'promised':
      case 'accepted':
      case 'rejected':
        if (message.instance === this.#open) this.#count(from, store, message, now, out);
        else if (message.instance > this.#open) this.#heard(message.instance, from, now, out);
        return;
    }
  }

  /** Phases 1b and 2b. Only a listed voter is answered, and only by a voter. */
  #vote(from: NodeId, store: StoreId | null, message: Prepare | Accept, now: Millis, out: Effects): void {
    const { instance, ballot } = message;
    if (!this.mayVote || ballot.node !== from || !mayVote(this.#membership, from, store)) return;
    if (message.type === 'accept' && this.#forks(from, message.instance, message.chain, out)) return;
    const answer =
      message.type === 'prepare'
        ? this.acceptor.prepare(instance, ballot, out)
        : this.acceptor.accept(instance, ballot, message.value, this.chainWith(message.value), out);
    if (answer.type === 'accepted') this.#watchVote(now);
    out.after.push({ to: from, message: answer });
  }

  #count(
    from: NodeId,
    store: StoreId | null,
    message: Extract<Message, { type: 'promised' | 'accepted' | 'rejected' }>,
    now: Millis,
    out: Effects,
  ): void {
    if (message.type === 'promised') this.#proposer.promised(from, store, message, now, out);
    else if (message.type === 'rejected') this.#proposer.rejected(from, store, message, now);
    else {
      const won = this.#proposer.accepted(from, store, message);
      if (won !== null) this.#announce(won.ballot, won.value, now, out);
    }
  }

  /** I have counted a majority: the value is chosen. Voters that voted for it need no more than its ballot. */
  #announce(ballot: Ballot, value: Value, now: Millis, out: Effects): void {
    const instance = this.#open;
    const chosen: Chosen = { type: 'chosen', instance, ballot, chain: this.#chain };
    const audience = this.#membership.members;
    const chain = this.chainWith(value);
    this.#close(value, ballot, chain, now, out);
    const teach: Teach = { type: 'teach', open: instance + 1, entries: [{ instance, ballot, value, chain }] };
    for (const member of audience) {
      if (member.id !== this.self) out.now.push({ to: member.id, message: member.role === 'voter' ? chosen : teach });
    }
  }

  #chosen(from: NodeId, store: StoreId | null, message: Chosen, now: Millis, out: Effects): void {
    // Whoever has no vote here cannot have counted a majority: its word is a hint at most.
    if (message.instance === this.#open && mayVote(this.#membership, from, store)) {
      if (this.#forks(from, message.instance, message.chain, out)) return;
      const vote = this.acceptor.vote;
      if (vote !== null && sameBallot(vote.ballot, message.ballot)) {
        this.#close(vote.value, vote.ballot, vote.chain, now, out);
        return;
      }
    }
    this.#heard(message.instance + 1, from, now, out);
  }

  #learn(from: NodeId, message: Teach, now: Millis, out: Effects): void {
    const before = this.#open;
    for (const entry of message.entries) {
      if (entry.instance < this.#open) continue;
      if (entry.instance > this.#open) break;
      const chain = this.chainWith(entry.value);
      if (chain !== entry.chain) {
        this.#diverge({ instance: entry.instance, peer: from, mine: chain, theirs: entry.chain }, out);
        return;
      }
      const { instance, ballot, value } = entry;
      out.writes.push({ type: 'record', instance, ballot, chosen: true, checksum: chain, value });
      this.#learner.proved(from);
      this.#close(value, ballot, chain, now, out);
    }
    if (message.open > this.#open && !this.#isFar(message.open)) {
      // Asked again at once is only who taught something new. All peers were asked when their links came up: going on with
      // each of them, this node would be taught everything as many times as it has peers, and all of them would pay for it.
      const isAhead = this.#open > before;
      if (isAhead) this.#learner.continueWith(now);
      this.#heard(message.open, from, now, out);
      if (isAhead) this.#ask(from, out);
    } else if (message.open === this.#open) {
      // Level with the teacher. Whoever waits for my vote may send again what I could not judge while I lagged; and who
      // does not vote lets it be known this way how far it is.
      this.#ask(from, out);
    }
  }

  /** The open instance has its value. Everything of the next instance starts here. */
  #close(value: Value, ballot: Ballot, chain: number, now: Millis, out: Effects): void {
    const instance = this.#open;
    out.chosen.push({ instance, value, ballot, chain });
    const before = this.#membership;
    this.#membership = this.#host.membershipAfter(before, instance, value);
    const changed = this.#membership !== before;
    invariant(!changed || this.#membership.version === instance, 'one-membership', () => {
      return `instance ${instance} set membership version ${this.#membership.version}`;
    });
    this.#proposer.nextInstance(value, instance, changed, out);
    this.#goOn(instance, chain, now);
  }

  #goOn(instance: InstanceId, chain: number, now: Millis): void {
    this.#chain = chain;
    this.#open = instance + 1;
    this.acceptor.nextInstance();
    this.#learner.advanced(this.#open, now);
    this.#unclosedAt = null;
    this.#askedUnclosed = false;
    this.#idleAt = now + IDLE_ASK_MS;
  }

  #tick(now: Millis, out: Effects): void {
    const others = this.#membership.members.filter((member) => member.id !== this.self).map((member) => member.id);
    const teacher = this.#learner.tick(now, others, (count) => this.random.below(count));
    if (teacher !== null) this.#ask(teacher, out);
    this.#proposer.tick(now, out);
    if (!this.mayVote && now >= this.#idleAt) {
      this.#idleAt = now + IDLE_ASK_MS;
      const other = others[this.random.below(Math.max(1, others.length))];
      if (other !== undefined) this.#ask(other, out);
    }
    if (this.#unclosedAt === null || now < this.#unclosedAt) return;
    this.#watchVote(now);
    if (!this.#askedUnclosed) {
      this.#askedUnclosed = true;
      for (const other of others) this.#ask(other, out);
      if (others.length > 0) return;
    }
    // Nobody tells how it ended: whoever proposed this is gone. Finish it, or an acknowledged value stays unseen.
    if (this.mayVote && this.isLevel) this.#proposer.recover(now, out);
  }

  #heard(open: InstanceId, from: NodeId, now: Millis, out: Effects): void {
    const teacher = this.#learner.heard(open, from, this.#open, now);
    if (teacher !== null) this.#ask(teacher, out);
  }

  #ask(teacher: NodeId, out: Effects): void {
    out.after.push({ to: teacher, message: { type: 'ask', open: this.#open } });
  }

  #watchVote(now: Millis): void {
    this.#unclosedAt = now + this.random.between(UNCLOSED_MS, 2 * UNCLOSED_MS);
  }

  /** `theirs`: the peer's checksum before the open instance, where mine is this.#chain. */
  #forks(peer: NodeId, instance: InstanceId, theirs: number, out: Effects): boolean {
    if (theirs === this.#chain) return false;
    this.#diverge({ instance, peer, mine: this.#chain, theirs }, out);
    return true;
  }

  #diverge(report: NonNullable<Effects['diverged']>, out: Effects): void {
    this.#diverged = true;
    this.#unclosedAt = null;
    out.diverged = report;
  }

  #isFar(instance: InstanceId): boolean {
    return instance > this.#open + INSTANCE_JUMP_MAX;
  }

  /** Claims no honest peer makes move nothing. */
  #isAbsurd(message: Message): boolean {
    const instance = message.type === 'ask' || message.type === 'teach' ? message.open : message.instance;
    if (this.#isFar(instance)) return true;
    const limit = this.promised.round + ROUND_JUMP_MAX;
    if (message.type === 'rejected') return message.promised.round > limit;
    return 'ballot' in message && compareBallots(message.ballot, { round: limit, node: '' }) > 0;
  }
}

/** Of two times, where null is never. */
export function earliest(a: Millis | null, b: Millis | null): Millis | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
