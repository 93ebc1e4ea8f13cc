// The roster: who is in the group by the log, which of them this node hears, and whose votes count. It keeps the last
// memberships, for a replica that starts again behind what was applied, and what peers have let be known of themselves.
// It decides nothing; the rule of a legal change is core/membership-change.ts.
import type { InstanceId, NodeId, StoreId } from '../../core/ids.js';
import { type Member, type Membership, mayVote, memberOf, quorumOf, votersOf } from '../../core/membership.js';
import type { Message } from '../../core/message.js';
import type { PeerHello, Transport } from '../ports.js';
import type { MembersView } from '../views.js';

const MEMBERSHIPS_KEPT = 64;

export class Roster {
  readonly self: NodeId;
  readonly #storeId: StoreId;
  readonly #founding: Membership;
  readonly #transport: Transport;
  #current: Membership;
  readonly #past: Membership[];
  /** Store identities that peers have proved. */
  readonly #stores = new Map<NodeId, StoreId>();
  /** Highest instance each peer is known to hold chosen. */
  readonly #chosen = new Map<NodeId, InstanceId>();
  /** Why this node's own store may have forgotten votes, whatever the membership lists; null: it has not. */
  lostVote: string | null = null;
  /** The gid that the store remembers. */
  storedGid: string | null = null;

  constructor(self: NodeId, storeId: StoreId, founding: Membership, transport: Transport) {
    this.self = self;
    this.#storeId = storeId;
    this.#founding = founding;
    this.#transport = transport;
    this.#current = founding;
    this.#past = [founding];
  }

  /** As applied. */
  get current(): Membership {
    return this.#current;
  }

  /** Also before the log says so again: after a restart the instance that founded the group may still be open. */
  get gid(): string | null {
    return this.#current.gid ?? this.storedGid;
  }

  get isMember(): boolean {
    return memberOf(this.#current, this.self) !== undefined;
  }

  /** Place among the voters; beyond the last for all others. */
  get rank(): number {
    const voters = votersOf(this.#current);
    const place = voters.findIndex(({ id }) => id === this.self);
    return place < 0 ? voters.length : place;
  }

  changed(membership: Membership): void {
    this.#current = membership;
    this.#past.push(membership);
    if (this.#past.length > MEMBERSHIPS_KEPT) this.#past.shift();
  }

  /** The membership that decides this instance. */
  deciding(instance: InstanceId): Membership {
    return this.#past.findLast((membership) => membership.version < instance) ?? this.#founding;
  }

  connected({ id, store }: PeerHello): void {
    // What its former store held says nothing of this one.
    if (this.#stores.get(id) !== store) this.#chosen.delete(id);
    this.#stores.set(id, store);
  }

  /** What a message gives away of how far its sender is. */
  heard(from: NodeId, message: Message): void {
    const open = 'open' in message ? message.open : message.type === 'chosen' ? message.instance + 1 : message.instance;
    this.at(from, open - 1);
  }

  at(from: NodeId, lastChosen: InstanceId): void {
    this.#chosen.set(from, Math.max(lastChosen, this.#chosen.get(from) ?? -1));
  }

  /** The identity a node's store has proved; null: it was not heard yet. */
  storeOf(id: NodeId): StoreId | null {
    return id === this.self ? this.#storeId : (this.#stores.get(id) ?? null);
  }

  /** Enough voters are in reach whose votes count. */
  hasQuorum(membership: Membership = this.#current): boolean {
    return this.liveVoters(membership).length >= quorumOf(membership);
  }

  /** The voters in reach whose votes count. */
  liveVoters(membership: Membership = this.#current): readonly Member[] {
    return votersOf(membership).filter(({ id }) => this.isLive(id) && this.#counts(membership, id));
  }

  /** Last chosen instance a node is known to have; null: it has not said. */
  lastChosenAt(id: NodeId): InstanceId | null {
    return this.#chosen.get(id) ?? null;
  }

  /** This node itself, or a link to it is up. */
  isLive(id: NodeId): boolean {
    return id === this.self || this.#transport.isConnected(id);
  }

  /** Why this node's votes do not count until it is re-admitted; null: they do. */
  get needsReadmission(): string | null {
    const listed = memberOf(this.#current, this.self)?.store ?? null;
    if (listed !== null && listed !== this.#storeId) {
      return 'this store is not the one the membership lists: it may have forgotten votes';
    }
    return this.lostVote === null ? null : `${this.lostVote}: wipe the store, then re-admit this node`;
  }

  view(lastChosen: InstanceId): MembersView {
    const { gid, version, members } = this.#current;
    return {
      gid,
      version,
      members: members.map(({ id, url, role, store }) => ({
        id,
        url,
        role,
        live: this.isLive(id),
        lastChosen: id === this.self ? lastChosen : this.lastChosenAt(id),
        needsReadmission: this.#mustBeReadmitted(id, store),
      })),
    };
  }

  #mustBeReadmitted(id: NodeId, listed: StoreId | null): boolean {
    if (id === this.self) return this.needsReadmission !== null;
    const proved = this.#stores.get(id);
    return listed !== null && proved !== undefined && proved !== listed;
  }

  #counts(membership: Membership, id: NodeId): boolean {
    if (id === this.self && this.lostVote !== null) return false;
    return mayVote(membership, id, this.storeOf(id));
  }
}
