// The acceptor: one promise register for the whole group, and the vote at the open instance. It alone writes the
// register, which never goes down: not by learning, not by a restart, not by installing a snapshot. What it remembers in
// memory runs ahead of the disk; its answers do not (they go into `after`), and when a flush fails the host throws the
// whole replica away and starts one from what the disk holds.
import { type Ballot, compareBallots, sameBallot } from './ballot.js';
import type { Effects } from './effects.js';
import type { InstanceId } from './ids.js';
import { invariant } from './invariant.js';
import type { Message } from './message.js';
import type { Value } from './value.js';

/** The vote at the open instance. `chain`: the checksum after the instance, if this value is the chosen one. */
export interface OwnVote {
  readonly ballot: Ballot;
  readonly value: Value;
  readonly chain: number;
}

export class Acceptor {
  #promised: Ballot;
  #vote: OwnVote | null;

  constructor(promised: Ballot, vote: OwnVote | null) {
    invariant(
      vote === null || compareBallots(vote.ballot, promised) <= 0,
      'vote-after-promise',
      () => 'the stored vote is above the stored promise',
    );
    this.#promised = promised;
    this.#vote = vote;
  }

  get promised(): Ballot {
    return this.#promised;
  }

  get vote(): OwnVote | null {
    return this.#vote;
  }

  /** Phase 1b. The answer belongs into `after`. */
  prepare(instance: InstanceId, ballot: Ballot, out: Effects): Message {
    if (compareBallots(ballot, this.#promised) < 0) {
      return { type: 'rejected', instance, ballot, promised: this.#promised };
    }
    this.#promise(ballot, out);
    const vote = this.#vote;
    return { type: 'promised', instance, ballot, vote: vote && { ballot: vote.ballot, value: vote.value } };
  }

  /** Phase 2b. The answer belongs into `after`. `chain` is the checksum after the instance with this value. */
  accept(instance: InstanceId, ballot: Ballot, value: Value, chain: number, out: Effects): Message {
    if (compareBallots(ballot, this.#promised) < 0) {
      return { type: 'rejected', instance, ballot, promised: this.#promised };
    }
    const vote = this.#vote;
    if (vote !== null && sameBallot(vote.ballot, ballot)) {
      invariant(vote.value.id === value.id, 'ballot-owner', () => {
        return `two values at one ballot of instance ${instance}: ${vote.value.id} and ${value.id}`;
      });
    } else {
      invariant(vote === null || compareBallots(ballot, vote.ballot) > 0, 'vote-after-promise', () => {
        return `a vote at instance ${instance} would go back`;
      });
      this.#promise(ballot, out);
      this.#vote = { ballot, value, chain };
      out.writes.push({ type: 'record', instance, ballot, chosen: false, checksum: chain, value });
    }
    return { type: 'accepted', instance, ballot };
  }

  /** The open instance was closed: the promise stays, the vote belonged to that instance. */
  nextInstance(): void {
    this.#vote = null;
  }

  #promise(ballot: Ballot, out: Effects): void {
    if (compareBallots(ballot, this.#promised) > 0) {
      this.#promised = ballot;
      out.writes.push({ type: 'promise', ballot });
    }
  }
}
