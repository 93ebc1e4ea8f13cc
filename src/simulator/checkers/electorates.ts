// Which membership decides which instance, worked out from the chosen values alone: a change that is chosen at an
// instance holds from the next one on. Every node's own idea is held against it, and so is every change: it keeps the
// cluster's id, is stamped with its instance, and moves one voter at most, so that the quorums before and after meet
// (unless the run leaps: then the protocol has to bear any change).
// Invariants: one-membership, listed-identity.
import type { InstanceId, NodeId, StoreId } from '../../core/ids.js';
import { type Member, type Membership, memberOf, votersOf } from '../../core/membership.js';
import type { Value } from '../../core/value.js';
import { demand } from '../violation.js';

/** The membership after `value` is chosen at `instance`; `before` itself when nothing changes. */
export type MembershipRule = (before: Membership, instance: InstanceId, value: Value) => Membership;

export interface Electorate {
  readonly membership: Membership;
  /** Bit per node. */
  readonly voters: number;
  readonly quorum: number;
}

export class Electorates {
  readonly #places: ReadonlyMap<NodeId, number>;
  readonly #rule: MembershipRule;
  readonly #leaps: boolean;
  /** Ascending by version. */
  readonly #all: Electorate[];
  #last: Electorate;

  constructor(places: ReadonlyMap<NodeId, number>, founding: Membership, rule: MembershipRule, leaps: boolean) {
    this.#leaps = leaps;
    this.#places = places;
    this.#rule = rule;
    this.#last = this.#electorate(founding);
    this.#all = [this.#last];
  }

  get last(): Electorate {
    return this.#last;
  }

  /** Ascending by version. */
  get all(): readonly Electorate[] {
    return this.#all;
  }

  at(instance: InstanceId): Electorate {
    const last = this.#last;
    if (last.membership.version < instance) return last;
    return this.#all.findLast(({ membership }) => membership.version < instance) ?? last;
  }

  chosen(instance: InstanceId, value: Value): void {
    const before = this.#last.membership;
    const after = this.#rule(before, instance, value);
    if (after === before) return;
    demand(after.version === instance && (before.gid === null || after.gid === before.gid), 'one-membership', () => {
      return `instance ${instance} makes membership ${after.version} of ${after.gid} out of ${before.version} of ${before.gid}`;
    });
    const next = this.#electorate(after);
    demand(this.#leaps || isOneStep(before, after), 'one-membership', () => {
      return `instance ${instance} makes ${names(after)} out of ${names(before)}: a quorum of one need not meet one of the other`;
    });
    this.#last = next;
    this.#all.push(next);
  }

  /** What a node takes for the membership of `instance`. */
  uses(where: () => string, instance: InstanceId, used: Membership): void {
    const { membership } = this.at(instance);
    // Who was told of no members takes no part before it is taught who they are.
    if (instance === 0 && used.gid === null && used.members.length === 0) return;
    const same =
      used === membership ||
      (used.version === membership.version && used.gid === membership.gid && names(used) === names(membership));
    demand(same, 'one-membership', () => {
      return `${where()} uses membership ${used.version} of ${used.gid} (${names(used)}) at ${instance}; it is ${membership.version} of ${membership.gid} (${names(membership)})`;
    });
  }

  /** A node takes part in the ballot of `instance`, from the store `identity`. */
  speaks(where: () => string, instance: InstanceId, node: NodeId, identity: StoreId): void {
    const { membership, voters } = this.at(instance);
    const place = this.#places.get(node);
    const isVoter = place !== undefined && (voters & (1 << place)) !== 0;
    // Before the founding no store is listed; each founder judges for itself whether its own may have forgotten a vote.
    const listed = membership.gid === null ? identity : memberOf(membership, node)?.store;
    demand(isVoter && listed === identity, 'listed-identity', () => {
      return `${where()} at ${instance} from store ${identity}; membership ${membership.version} lists ${listed}${isVoter ? '' : ', no voter'}`;
    });
  }

  #electorate(membership: Membership): Electorate {
    let voters = 0;
    let count = 0;
    for (const { id } of votersOf(membership)) {
      count++;
      const place = this.#places.get(id);
      demand(place !== undefined, 'validity', () => `there is no node ${id}`);
      voters |= 1 << place;
    }
    return { membership, voters, quorum: Math.floor(count / 2) + 1 };
  }
}

/** A vote given, taken away, or moved to another store. Who had no store yet had no vote to move. */
function isOneStep(before: Membership, after: Membership): boolean {
  const old = new Map(votersOf(before).map(({ id, store }) => [id, store]));
  let moved = 0;
  for (const { id, store } of votersOf(after)) {
    const held = old.get(id);
    if (held === undefined || (held !== null && held !== store)) moved++;
    old.delete(id);
  }
  return moved + old.size <= 1;
}

const NAMES = new WeakMap<Membership, string>();

/** Memberships never change, and are compared at every instance. */
function names(membership: Membership): string {
  let text = NAMES.get(membership);
  if (text === undefined) {
    const name = ({ id, url, role, store, candidate, replaces }: Member) => {
      return `${id} ${url} ${role} ${store}${candidate ? ' candidate' : ''}${replaces ? ` for ${replaces}` : ''}`;
    };
    text = membership.members.map(name).join(', ');
    NAMES.set(membership, text);
  }
  return text;
}
