// One round of questions before linearizable reads: "how far may anything have been acknowledged?", put to all voters, until
// a quorum has answered. Neither the log nor a clock has a part in it; the lease has none either, because any voter may commit
// while its holder is out of reach.
//
// Why the answer is enough. Let the round begin when `a` is applied here, with the membership M that decides a + 1, and let a
// value have been acknowledged at instance k before it began. A majority of k's voters had voted at k then, on disk.
//   k <= a: it is applied here.
//   k > a, and M decides k: that majority and the quorum of answers have a voter in common, who spoke from the same store. It
//   voted at k before it was asked, so it says k or more.
//   k > a, and another membership decides k: let j be the first instance from a + 1 on whose value changed it. M decides j; j
//   was chosen before anybody could vote at k; so, as above, somebody says j or more. Once that is applied here, the
//   membership here is no longer M, and the reader starts over (reader.ts). A change never hides a value, it costs a round.
// What a voter says may run ahead of its disk, or be a vote that is never chosen. Then the reader waits for more than it must,
// until that instance is closed; it never waits for less.
import type { InstanceId, NodeId } from '../../core/ids.js';
import { type Membership, mayVote, quorumOf, votersOf } from '../../core/membership.js';
import type { Replica } from '../../core/replica.js';
import type { PeerHello } from '../ports.js';

/**
 * The highest instance at which this replica has voted or learned; null: it cannot say. A store that may have forgotten
 * votes says nothing until it is re-admitted.
 */
export function reachOf(replica: Replica | null): InstanceId | null {
  if (replica === null || !replica.mayVote) return null;
  return replica.acceptor.vote === null ? replica.open - 1 : replica.open;
}

export class ReadRound {
  /** Echoed in the answers. */
  readonly id: number;
  readonly membership: Membership;
  readonly #answered = new Set<NodeId>();
  #index: InstanceId = -1;
  #furthest: NodeId | null = null;

  constructor(id: number, membership: Membership) {
    this.id = id;
    this.membership = membership;
  }

  /** A voter's answer counts once; anybody else's, and one from a store that is not listed, does not count. */
  count({ id, store }: PeerHello, through: InstanceId): void {
    if (this.#answered.has(id) || !mayVote(this.membership, id, store)) return;
    this.#answered.add(id);
    if (through <= this.#index) return;
    this.#index = through;
    this.#furthest = id;
  }

  /** What must be applied before a read is answered; null: too few have said. */
  get index(): InstanceId | null {
    return this.#answered.size < quorumOf(this.membership) ? null : this.#index;
  }

  /** Who has said most; null: nobody has anything. */
  get furthest(): NodeId | null {
    return this.#furthest;
  }

  /** The voters that have not answered. */
  get silent(): readonly NodeId[] {
    return votersOf(this.membership)
      .map(({ id }) => id)
      .filter((id) => !this.#answered.has(id));
  }
}
