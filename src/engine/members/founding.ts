// The founding of a group: instance 0 gives it its gid and lists its members with their stores. The amnesia guard stands
// here. A store that was never used may be a new one, or the wiped one of a cluster that stands; if it voted in the second
// case, two values could be chosen at one instance. So it votes only when so many others have said that they never voted
// either that no majority can have: N - Q + 1 of the other founders (N members, quorum Q). In a cluster of three that is
// both. A founder that was away for the founding is enrolled through the log when it comes.
import type { Millis, NodeId } from '../../core/ids.js';
import { type Membership, memberOf, quorumOf, votersOf } from '../../core/membership.js';
import type { MembershipChange } from '../../core/membership-change.js';
import type { Empty } from '../peer-messages.js';
import type { Roster } from './roster.js';

/** The variable that says: this store has passed the amnesia guard. */
export const FOUNDER = 'founder';
/** How long founders wait for those that are still starting, so that their stores are listed from the first. */
const PATIENCE_MS = 2000;
const ASK_MS = 250;

export interface FoundingOptions {
  readonly roster: Roster;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly send: (to: NodeId, message: Empty) => void;
  /** This node's store holds no vote in the group, and cannot have lost one. */
  readonly isEmpty: () => boolean;
  /** Enough founders have spoken: this node may vote, and its store should remember so. */
  readonly confirmed: () => void;
}

export class Founding {
  readonly #options: FoundingOptions;
  readonly #startedAt: Millis;
  readonly #empty = new Set<NodeId>();
  #mayFound = false;
  #askAt: Millis;

  constructor(options: FoundingOptions, now: Millis) {
    this.#options = options;
    this.#startedAt = now;
    this.#askAt = now;
  }

  /** The store was read. `mayFound`: it remembers that it may, or has promised. */
  loaded(mayFound: boolean): void {
    if (mayFound) this.#mayFound = true;
  }

  /** This node may vote while there is no gid. */
  get mayFound(): boolean {
    return this.#mayFound;
  }

  connected(peer: NodeId): void {
    if (this.#isOpen && this.#options.isEmpty()) this.#options.send(peer, { type: 'empty', ask: !this.#mayFound });
  }

  received(from: NodeId, { ask }: Empty): void {
    if (!this.#isOpen) return;
    if (ask && this.#options.isEmpty()) this.#options.send(from, { type: 'empty', ask: false });
    this.#empty.add(from);
    this.#judge();
  }

  wakeAt(now: Millis): Millis | null {
    if (!this.#isOpen) return null;
    if (!this.#mayFound) return this.#askAt;
    const patienceEndsAt = this.#startedAt + PATIENCE_MS;
    return now < patienceEndsAt ? patienceEndsAt : null;
  }

  tick(now: Millis): void {
    if (!this.#isOpen || this.#mayFound || now < this.#askAt) return;
    this.#askAt = now + ASK_MS;
    this.#judge();
    if (this.#mayFound || !this.#options.isEmpty()) return;
    // Those that have spoken too: they may have founded the group since with others, and then they teach.
    for (const { id } of this.#others) this.#options.send(id, { type: 'empty', ask: true });
  }

  /** The founding value lists every founder's store where it can, so it waits a moment for those that are starting. */
  isDue(now: Millis): boolean {
    if (!this.#mayFound) return false;
    if (this.#others.every(({ id }) => this.#options.roster.storeOf(id) !== null)) return true;
    return now - this.#startedAt >= PATIENCE_MS;
  }

  /** The order for instance 0. Losing it to another founder's is as good. */
  order(membership: Membership): MembershipChange {
    const { roster, random } = this.#options;
    const word = () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const members = membership.members.map((member) => ({ ...member, store: roster.storeOf(member.id) }));
    return { op: 'found', gid: word() + word(), members };
  }

  get #isOpen(): boolean {
    const { current } = this.#options.roster;
    return current.gid === null && memberOf(current, this.#options.roster.self) !== undefined;
  }

  get #others(): Membership['members'] {
    return votersOf(this.#options.roster.current).filter(({ id }) => id !== this.#options.roster.self);
  }

  #judge(): void {
    if (this.#mayFound || !this.#options.isEmpty()) return;
    const { current } = this.#options.roster;
    const needed = Math.min(this.#others.length, votersOf(current).length - quorumOf(current) + 1);
    if (this.#others.filter(({ id }) => this.#empty.has(id)).length < needed) return;
    this.#mayFound = true;
    this.#options.confirmed();
  }
}
