// Counts answers to one ballot at one instance: each voter once, whatever arrives how often, and only voters that speak
// from the store the membership lists (invariants chosen-is-counted, listed-identity).
import type { NodeId, StoreId } from './ids.js';
import { type Membership, mayVote, quorumOf, votersOf } from './membership.js';

export class Tally {
  readonly #membership: Membership;
  readonly #quorum: number;
  readonly #blocking: number;
  readonly #yes = new Set<NodeId>();
  readonly #no = new Set<NodeId>();

  constructor(membership: Membership) {
    this.#membership = membership;
    this.#quorum = quorumOf(membership);
    this.#blocking = votersOf(membership).length - this.#quorum + 1;
  }

  /** Whether the answer was counted. */
  yes(from: NodeId, store: StoreId | null): boolean {
    if (!mayVote(this.#membership, from, store)) return false;
    this.#yes.add(from);
    this.#no.delete(from);
    return true;
  }

  /** A no never takes back a yes: the vote behind it is durable. */
  no(from: NodeId, store: StoreId | null): void {
    if (mayVote(this.#membership, from, store) && !this.#yes.has(from)) this.#no.add(from);
  }

  /** A majority said yes. */
  get won(): boolean {
    return this.#yes.size >= this.#quorum;
  }

  /** So many said no that a majority can no longer come together at this ballot. */
  get lost(): boolean {
    return this.#no.size >= this.#blocking;
  }

  /** At least one said no. */
  get refused(): boolean {
    return this.#no.size > 0;
  }

  hasAnswered(node: NodeId): boolean {
    return this.#yes.has(node) || this.#no.has(node);
  }
}
