// Sees what one process does with the log: that it closes and applies each instance once, in order, that its machines are
// called as the log's meaning says, and what it believes about the lease.
// Invariants: in-order, no-gap, acked-once, same-state, one-membership, one-master, lease-version, promoted-is-level, bounded.
import type { Entry } from '../../core/effects.js';
import type { GroupId, InstanceId, NodeId, StoreId } from '../../core/ids.js';
import type { Value } from '../../core/value.js';
import type { GroupFace } from '../../engine/face.js';
import type { Pumped } from '../../engine/pump.js';
import type { ApplyContext } from '../../machines/machine.js';
import type { LedgerOrder } from '../ledger-machine.js';
import { demand } from '../violation.js';
import { type Keeping, KeptLog } from './kept-log.js';
import type { LogWitness } from './log-model.js';

interface Seen {
  /** Calls of the ledger machine so far, counted along the model's list. */
  ledger: number;
  applied: InstanceId;
  /** Version of the last tenure seen in the master view. */
  tenure: InstanceId;
  /** Believed at the last look that this process holds the lease. */
  master: boolean;
  /** When this process closed the instances from `first` on; what it found on its disk counts from its start. */
  readonly closedAt: number[];
  first: InstanceId;
  readonly kept: KeptLog;
  startedAt: number;
}

export class LifeWitness {
  readonly #node: NodeId;
  readonly #store: StoreId;
  readonly #now: () => number;
  readonly #groups: ReadonlyMap<GroupId, LogWitness>;
  readonly #seen = new Map<GroupId, Seen>();
  readonly #mayWait: boolean;

  /** `mayWait`: what is closed need not be applied at once in this run. */
  constructor(
    node: NodeId,
    store: StoreId,
    groups: ReadonlyMap<GroupId, LogWitness>,
    now: () => number,
    mayWait: boolean,
  ) {
    this.#mayWait = mayWait;
    this.#node = node;
    this.#store = store;
    this.#now = now;
    this.#groups = groups;
    for (const group of groups.keys()) {
      this.#seen.set(group, {
        ledger: 0,
        applied: -1,
        tenure: -1,
        master: false,
        closedAt: [],
        first: 0,
        kept: new KeptLog(),
        startedAt: now(),
      });
    }
  }

  /** The ledger machine of this process is called. */
  ledger(group: GroupId, order: LedgerOrder, { instance, index }: ApplyContext): void {
    const { model } = this.#of(group);
    const seen = this.#seenOf(group);
    const due = model.ledger[seen.ledger];
    const isDue = due !== undefined && due.instance === instance && due.index === index && due.number === order.number;
    demand(isDue, 'acked-once', () => {
      const wanted = due === undefined ? 'nothing' : `command ${due.number} at ${due.instance}.${due.index}`;
      return `${this.#node} ${group} executes command ${order.number} at ${instance}.${index}; due is ${wanted}`;
    });
    seen.ledger++;
  }

  /** Another state is in place in the ledger machine of this process, after so many calls. */
  restored(group: GroupId, calls: number): void {
    this.#seenOf(group).ledger = calls;
  }

  /** Entries that the replica has closed, before the group sees them. */
  closing(group: GroupId, entries: readonly Entry[]): void {
    const witness = this.#of(group);
    const { closedAt, first } = this.#seenOf(group);
    for (const entry of entries) {
      witness.closes(this.#node, entry);
      // After a failure of the store some are closed once more.
      closedAt[entry.instance - first] ??= this.#now();
      witness.model.promotions.closed(this.#store, entry.instance);
    }
  }

  /** The group has sealed a value, and is about to propose it. */
  sealed(group: GroupId, value: Value): void {
    const { first, startedAt, closedAt } = this.#seenOf(group);
    const where = () => `${this.#node} ${group}`;
    this.#of(group).model.promotions.sealed(where, value, (instance) => {
      const at = instance < first ? startedAt : closedAt[instance - first];
      return at === undefined ? null : this.#now() - at;
    });
  }

  /** The group has taken them. */
  closed(group: GroupId, { replica }: Pumped, face: GroupFace): void {
    this.#applied(group, replica, face);
  }

  /** The process has read its log and takes part. */
  started(group: GroupId, { replica }: Pumped, face: GroupFace): void {
    demand(face.lastChosen < this.#of(group).chosen.length, 'chosen-is-counted', () => {
      return `${this.#node} ${group} starts with a log up to ${face.lastChosen}`;
    });
    const seen = this.#seenOf(group);
    seen.first = face.lastChosen + 1;
    seen.startedAt = this.#now();
    this.#of(group).model.promotions.closed(this.#store, face.lastChosen);
    this.#applied(group, replica, face);
  }

  /** After a step of this process. True when it has begun to hold the lease: then nobody else may. */
  becameMaster(group: GroupId, face: GroupFace): boolean {
    const seen = this.#seenOf(group);
    const { self, version, node } = face.masterView();
    if (version !== null && version !== seen.tenure) {
      const { tenures } = this.#of(group).model;
      demand(version > seen.tenure && tenures.get(version) === node, 'lease-version', () => {
        return `${this.#node} ${group} sees ${node} as master since ${version}, after a tenure since ${seen.tenure}`;
      });
      seen.tenure = version;
    }
    const became = self && !seen.master;
    seen.master = self;
    return became;
  }

  /** The process says something of a group. */
  noted(group: GroupId, name: string, facts: Readonly<Record<string, unknown>>): void {
    this.#seenOf(group).kept.noted(name, facts, this.#now());
  }

  /** After a step of this process. */
  keeps(group: GroupId, face: GroupFace, keeping: () => Keeping): void {
    this.#seenOf(group).kept.looks(() => `${this.#node} ${group}`, face, keeping, this.#now());
  }

  #applied(group: GroupId, replica: Pumped['replica'], face: GroupFace): void {
    const { model, electorates } = this.#of(group);
    const { applied, lastChosen } = face;
    // A machine that has thrown, or a snapshot that is read, holds the state back; what was closed waits in the log.
    const isHalted = () => face.status().halted !== null;
    demand(applied === lastChosen || (applied < lastChosen && (this.#mayWait || isHalted())), 'no-gap', () => {
      return `${this.#node} ${group} applied up to ${applied} of ${lastChosen}`;
    });
    const seen = this.#seenOf(group);
    demand(
      applied >= seen.applied,
      'in-order',
      () => `${this.#node} ${group} goes from ${seen.applied} back to ${applied}`,
    );
    seen.applied = applied;
    const before = (instance: InstanceId) => model.ledgerBefore[instance] ?? model.ledger.length;
    const due = before(applied + 1);
    const { ledger } = seen;
    const isInTheMidst = () => ledger > due && ledger < before(applied + 2) && isHalted();
    demand(ledger === due || isInTheMidst(), 'in-order', () => {
      return `${this.#node} ${group} called its machine ${ledger} times up to instance ${applied}, not ${due}`;
    });
    if (replica === null) return;
    const { open, membership } = replica;
    electorates.uses(() => `${this.#node} ${group}`, open, membership);
    if (applied !== membership.version) return;
    const { gid, version, members } = face.membersView();
    const shown = members.map(({ id, url, role }) => `${id} ${url} ${role}`).join();
    const listed = membership.members.map(({ id, url, role }) => `${id} ${url} ${role}`).join();
    const same = gid === membership.gid && version === membership.version && shown === listed;
    demand(same, 'one-membership', () => {
      return `${this.#node} ${group} at ${applied} shows membership ${version} of ${gid}: ${shown}`;
    });
  }

  #of(group: GroupId): LogWitness {
    const witness = this.#groups.get(group);
    demand(witness !== undefined, 'validity', () => `there is no group ${group}`);
    return witness;
  }

  #seenOf(group: GroupId): Seen {
    const seen = this.#seen.get(group);
    demand(seen !== undefined, 'validity', () => `there is no group ${group}`);
    return seen;
  }
}
