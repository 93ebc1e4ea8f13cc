// The state watch: machines must be deterministic, and this is where it shows when one is not. Every so many instances each
// node sums its state up and lets the others know. A node that finds a majority of the voters of one mind against it has
// diverged: it is named, and halts. Without a majority nobody can be blamed, and everybody says that they differ.
import type { InstanceId, NodeId } from '../../core/ids.js';
import { type Membership, quorumOf, votersOf } from '../../core/membership.js';
import type { StateSum } from '../peer-messages.js';

/** Sums are taken after instances whose id is a multiple of this. */
export const SUM_EVERY_INSTANCES = 64;
const SUMS_KEPT = 128;

export interface Dissent {
  readonly instance: InstanceId;
  readonly mine: number;
  readonly theirs: number;
  readonly peer: NodeId;
  /** 'mine': a majority is with this node; 'theirs': with the peer; null: there is none. */
  readonly majority: 'mine' | 'theirs' | null;
}

export class StateWatch {
  readonly #self: NodeId;
  /** This node's own sums, oldest first. */
  readonly #own = new Map<InstanceId, number>();
  /** What others have said of those instances, and of ones not reached here yet. */
  readonly #theirs = new Map<InstanceId, Map<NodeId, number>>();

  /** What was said of an instance already: it is said again only when a majority shows. */
  readonly #reported = new Map<InstanceId, Dissent['majority']>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** The newest sum here; null: none was taken yet. */
  get newest(): StateSum | null {
    const last = [...this.#own].at(-1);
    return last === undefined ? null : { instance: last[0], sum: last[1] };
  }

  isDue(instance: InstanceId): boolean {
    return instance % SUM_EVERY_INSTANCES === 0;
  }

  /** The state after `instance`, which is due. Answers with whom it differs. */
  applied(instance: InstanceId, sum: number, membership: Membership): Dissent | null {
    this.#own.set(instance, sum);
    bound(this.#own);
    return this.#judge(instance, membership);
  }

  heard(peer: NodeId, { instance, sum }: StateSum, membership: Membership): Dissent | null {
    const said = this.#theirs.get(instance) ?? new Map<NodeId, number>();
    said.set(peer, sum);
    this.#theirs.set(instance, said);
    bound(this.#theirs);
    return this.#judge(instance, membership);
  }

  #judge(instance: InstanceId, membership: Membership): Dissent | null {
    const mine = this.#own.get(instance);
    const said = this.#theirs.get(instance);
    if (mine === undefined || said === undefined) return null;
    const other = [...said].find(([, sum]) => sum !== mine);
    if (other === undefined) return null;
    const [peer, theirs] = other;
    const voters = votersOf(membership);
    const count = (sum: number) => voters.filter(({ id }) => (id === this.#self ? mine : said.get(id)) === sum).length;
    const quorum = quorumOf(membership);
    const majority = count(mine) >= quorum ? 'mine' : count(theirs) >= quorum ? 'theirs' : null;
    if (this.#reported.get(instance) === majority) return null;
    this.#reported.set(instance, majority);
    bound(this.#reported);
    return { instance, mine, theirs, peer, majority };
  }
}

function bound(map: Map<InstanceId, unknown>): void {
  for (const instance of map.keys()) {
    if (map.size <= SUMS_KEPT) return;
    map.delete(instance);
  }
}
