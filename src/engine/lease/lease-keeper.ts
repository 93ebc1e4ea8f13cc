// The LeaseKeeper: clocks around the replicated `$master` state. The holder counts its lease from before it proposed,
// less a margin; everybody else counts a full lease from when they applied the operation, or from their own start. With
// the margin at a tenth of the lease, two clocks that each run up to 5 % wrong never see two holders at one instant.
// It proposes through a lane of its own that user load cannot fill; it never waits for anything.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import type { MasterCommand, MasterState } from '../../machines/master-machine.js';

/** Share of the lease the holder gives up for clock drift: (1 - 0.1) / 0.95 < 1 / 1.05. */
export const MARGIN = 0.1;
/** Candidates stagger by rank so that the first usually wins alone. */
const STAGGER_MS = 120;
/** How long who resigned, and whoever is not the heir, holds back. */
const HOLD_BACK_MS = 1500;
/** A group that never had a master is most likely being founded at this moment. */
const NEW_GROUP_RETRY_MS = 200;

export interface LeaseKeeperOptions {
  readonly self: NodeId;
  /** This process: `startedAtMs` stamps of another process of this node mean nothing here. */
  readonly origin: string;
  /** For the next lease, in milliseconds. */
  readonly leaseMs: () => Millis;
  readonly random: () => number;
  /** Hands an operation to the committer's system lane. */
  readonly propose: (command: MasterCommand, stillWanted: () => boolean) => void;
}

export interface LeaseView {
  readonly node: NodeId | null;
  readonly version: InstanceId | null;
  readonly renewal: InstanceId | null;
  readonly leaseMs: Millis;
  readonly expiresInMs: Millis | null;
  readonly self: boolean;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #state: MasterState | null = null;
  /** Until when everybody but the holder must take the lease as held. */
  #othersUntil: Millis;
  /** When to renew (holder) or to try for the lease (others). */
  #actAt: Millis | null = null;
  #releasing = false;
  /** The tenure this node has given up, though the log may not say so yet. */
  #resigned: InstanceId | null = null;
  /** A renewal for a shorter lease is under way: others may count by it already. */
  #cap: { readonly startedAtMs: Millis; readonly until: Millis } | null = null;
  /** Orders handed to the committer so far. */
  #orders = 0;

  constructor(options: LeaseKeeperOptions, now: Millis) {
    this.#options = options;
    this.#othersUntil = now;
  }

  /** What the log says, whether or not the lease still runs. */
  get state(): MasterState | null {
    return this.#state;
  }

  /** After the start-up replay: whoever held the lease is granted a full one from now, this node's former self too. */
  started(state: MasterState | null, now: Millis, rank: number): void {
    this.#state = state;
    this.#othersUntil = state?.node == null ? now : now + state.leaseMs;
    this.#actAt = this.#othersUntil + this.#stagger(rank);
  }

  /** A `$master` command was applied. */
  applied(state: MasterState | null, now: Millis, rank: number): void {
    this.#state = state;
    if (
      this.#cap !== null &&
      !(state !== null && this.#holdsByLog(state) && state.startedAtMs < this.#cap.startedAtMs)
    ) {
      this.#cap = null;
    }
    this.#othersUntil = state?.node == null ? now : now + state.leaseMs;
    if (state !== null && this.#holdsByLog(state)) {
      this.#actAt = now + state.leaseMs * (1 / 8 + this.#options.random() / 4);
    } else {
      this.#actAt = this.#othersUntil + this.#stagger(rank) + this.#holdBack(state);
    }
  }

  /** The agreed lease is another one: the holder renews at once, so that it counts. */
  leaseSet(now: Millis): void {
    if (this.#state !== null && this.#holdsByLog(this.#state)) this.#actAt = now;
  }

  /** null: this node has no part in elections. */
  get wakeAt(): Millis | null {
    return this.#actAt;
  }

  /** `eligible`: a voter that is level with the group. */
  tick(now: Millis, eligible: boolean, rank: number): void {
    if (this.#actAt === null || now < this.#actAt) return;
    const { self, origin, random, propose } = this.#options;
    const leaseMs = this.#options.leaseMs();
    const state = this.#state;
    if (!eligible || this.#releasing) {
      this.#actAt = now + (state === null ? NEW_GROUP_RETRY_MS : leaseMs / 4) + this.#stagger(rank);
      return;
    }
    const seen = state?.renewal ?? null;
    // Of several orders that could not leave (no quorum, say) only the newest is worth sealing: an older one carries an
    // older start, and would win a lease that has run out while everybody else grants it in full.
    const order = ++this.#orders;
    const unchanged = () => order === this.#orders && (this.#state?.renewal ?? null) === seen && !this.#releasing;
    if (state !== null && this.#holdsByLog(state) && now < this.#holderUntil(state)) {
      this.#actAt = now + state.leaseMs * (1 / 8 + random() / 4);
      if (this.#resigned === state.version) return;
      if (leaseMs < state.leaseMs || this.#cap !== null) {
        const until = now + leaseMs * (1 - MARGIN);
        this.#cap = { startedAtMs: now, until: Math.min(this.#cap?.until ?? until, until) };
      }
      propose({ op: 'renew', node: self, origin, startedAtMs: now, version: state.version, leaseMs }, unchanged);
      return;
    }
    if (now < this.#othersUntil) {
      this.#actAt = this.#othersUntil + this.#stagger(rank);
      return;
    }
    this.#actAt = now + leaseMs / 4 + this.#stagger(rank);
    propose({ op: 'acquire', node: self, origin, startedAtMs: now, expects: seen, leaseMs }, unchanged);
  }

  /**
   * Gives the lease back, if this node holds it, and takes no other. True when there was something to give back. From now
   * on this node holds nothing: others may see the release chosen, and win the lease, before it does.
   */
  release(now: Millis): boolean {
    const { version, self } = this.view(now);
    if (self && version !== null) this.resign(version, null, now);
    this.#releasing = true;
    return self;
  }

  /** The same for one tenure: later this node may take the lease again. Without effect when it does not hold it. */
  resign(version: InstanceId, heir: NodeId | null, now: Millis): void {
    const view = this.view(now);
    if (!view.self || view.version !== version) return;
    this.#resigned = version;
    const standing = () => this.#state?.version === version && this.#state.node !== null;
    this.#options.propose({ op: 'release', node: this.#options.self, version, heir }, standing);
  }

  /** Others still grant this node the lease it is giving back. */
  isGivingBack(now: Millis): boolean {
    const state = this.#state;
    return (
      state !== null && this.#resigned === state.version && this.#holdsByLog(state) && now < this.#holderUntil(state)
    );
  }

  view(now: Millis): LeaseView {
    const state = this.#state;
    const leaseMs = state?.leaseMs ?? this.#options.leaseMs();
    const none = { node: null, version: null, renewal: null, leaseMs, expiresInMs: null, self: false };
    if (state === null || state.node === null) return none;
    const self = this.#holdsByLog(state);
    const until = self ? this.#holderUntil(state) : this.#othersUntil;
    if (now >= until) return none;
    const { node, version, renewal } = state;
    return {
      node,
      version,
      renewal,
      leaseMs,
      expiresInMs: Math.floor(until - now),
      self: self && this.#resigned !== version,
    };
  }

  /** This very process holds it; a former life of this node does not count. */
  #holdsByLog(state: MasterState): boolean {
    return state.node === this.#options.self && state.origin === this.#options.origin;
  }

  #holderUntil(state: MasterState): Millis {
    return Math.min(this.#cap?.until ?? Number.POSITIVE_INFINITY, state.startedAtMs + state.leaseMs * (1 - MARGIN));
  }

  #holdBack(state: MasterState | null): Millis {
    if (state === null || state.node !== null) return 0;
    const { heir, leaseMs, version } = state;
    const first = heir === null ? this.#resigned !== version : heir === this.#options.self;
    return first ? 0 : Math.min(HOLD_BACK_MS, leaseMs / 2);
  }

  #stagger(rank: number): Millis {
    return (rank + this.#options.random()) * STAGGER_MS;
  }
}
