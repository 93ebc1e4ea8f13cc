// What follows from a change of the state: an entry was applied, or a checkpoint took the state's place. Callers get their
// answers; who the members are, who the master is and for how long, and what time it is are passed on to whoever counts by
// it, written beside the log, and told to followers. It applies nothing itself and decides nothing.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import type { MachineRouter } from '../../machines/router.js';
import type { Vault } from '../checkpoints/vault.js';
import type { GroupDesk } from '../group-desk.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';
import type { Roster } from '../members/roster.js';
import type { TraceNote } from '../ports.js';
import type { Committer } from '../proposals/committer.js';
import type { Forwarder } from '../proposals/forwarder.js';
import type { GroupTime } from '../state/group-time.js';
import type { StateGuard } from '../state/state-guard.js';
import type { AppliedEntry } from './applier.js';

export interface ConsequencesOptions {
  readonly router: MachineRouter;
  readonly roster: Roster;
  readonly committer: Committer;
  readonly forwarder: Forwarder;
  readonly lease: LeaseKeeper;
  readonly time: GroupTime;
  readonly guard: StateGuard;
  readonly vault: Vault;
  readonly desk: GroupDesk;
  readonly now: () => Millis;
  /** Writes a system variable with the next flush. */
  readonly write: (name: string, value: unknown) => void;
  /** The node sees to the links. */
  readonly membersChanged: () => void;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
}

export class Consequences {
  readonly #options: ConsequencesOptions;
  /** The master that followers of the feed were told of; null also when its lease has run out. */
  #masterTold: NodeId | null = null;
  /** The lease the group has agreed on, as last applied. */
  #leaseMs: Millis | null = null;

  constructor(options: ConsequencesOptions) {
    this.#options = options;
  }

  /** At the start the state was read from a checkpoint, which is news to nobody else. */
  restored(): void {
    const { router, roster, time } = this.#options;
    roster.changed(router.membership.membership);
    time.applied(router.timeMs);
    this.#leaseMs = router.master.leaseMs;
  }

  /** A checkpoint took the place of the state: everything that is known of it is known anew. */
  installed(): void {
    const { router, time, desk } = this.#options;
    this.#membersChanged();
    time.applied(router.timeMs);
    this.#leaseChanged(null);
    this.#leaseSet();
    desk.advanced();
  }

  applied(applied: AppliedEntry): void {
    const { router, committer, forwarder, time, guard, vault, desk, now } = this.#options;
    const { instance } = applied.entry;
    committer.applied(applied, now());
    forwarder.applied(applied);
    if (router.membership.membership.version === instance) this.#membersChanged();
    desk.advanced();
    if (router.master.state?.renewal === instance) this.#leaseChanged(instance);
    this.#leaseSet();
    time.applied(router.timeMs);
    guard.applied(instance);
    vault.consider();
  }

  /** A lease runs out without a word in the log. */
  tick(now: Millis): void {
    if (this.#options.lease.view(now).node !== this.#masterTold) this.#tellMaster(now);
  }

  #membersChanged(): void {
    const { router, roster, desk, write, membersChanged, trace } = this.#options;
    const { membership } = router.membership;
    const { gid, version, members } = membership;
    roster.changed(membership);
    write('membership', membership);
    desk.feed.membersChanged();
    membersChanged();
    trace({ name: 'members-changed', level: 'info', facts: { gid, version, count: members.length } });
  }

  /** `instance`: which one renewed it; null: that came with a checkpoint. */
  #leaseChanged(instance: InstanceId | null): void {
    const { router, roster, lease, now, write, trace } = this.#options;
    const { state } = router.master;
    if (state === null) return;
    lease.applied(state, now(), roster.rank);
    write('master', state);
    if (instance !== null && state.version !== instance && state.node !== null) return;
    this.#tellMaster(now());
    trace({ name: 'master-changed', level: 'info', facts: { node: state.node, version: state.version } });
  }

  #leaseSet(): void {
    const { router, lease, now } = this.#options;
    const { leaseMs } = router.master;
    if (leaseMs === this.#leaseMs) return;
    this.#leaseMs = leaseMs;
    lease.leaseSet(now());
  }

  #tellMaster(now: Millis): void {
    this.#masterTold = this.#options.lease.view(now).node;
    this.#options.desk.feed.masterChanged();
  }
}
