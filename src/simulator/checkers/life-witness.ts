// Sees what one process does with the log: that it closes and applies each instance once, in order, that its machines are
// called as the log's meaning says, and what it believes about the lease.
// Invariants: in-order, no-gap, acked-once, same-state, one-membership, one-master, lease-version.
import type { Entry } from '../../core/effects.js';
import type { GroupId, InstanceId, NodeId } from '../../core/ids.js';
import type { GroupFace } from '../../engine/face.js';
import type { Pumped } from '../../engine/pump.js';
import type { ApplyContext } from '../../machines/machine.js';
import type { LedgerOrder } from '../ledger-machine.js';
import { demand } from '../violation.js';
import type { LogWitness } from './log-model.js';

interface Seen {
  /** Calls of the ledger machine so far, counted along the model's list. */
  ledger: number;
  /** Version of the last tenure seen in the master view. */
  tenure: InstanceId;
  /** Believed at the last look that this process holds the lease. */
  master: boolean;
}

export class LifeWitness {
  readonly #node: NodeId;
  readonly #groups: ReadonlyMap<GroupId, LogWitness>;
  readonly #seen = new Map<GroupId, Seen>();

  constructor(node: NodeId, groups: ReadonlyMap<GroupId, LogWitness>) {
    this.#node = node;
    this.#groups = groups;
    for (const group of groups.keys()) this.#seen.set(group, { ledger: 0, tenure: -1, master: false });
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

  /** Entries that the replica has closed, before the group sees them. */
  closing(group: GroupId, entries: readonly Entry[]): void {
    const witness = this.#of(group);
    for (const entry of entries) witness.closes(this.#node, entry);
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

  #applied(group: GroupId, replica: Pumped['replica'], face: GroupFace): void {
    const { model, electorates } = this.#of(group);
    const { applied, lastChosen } = face;
    demand(applied === lastChosen, 'no-gap', () => `${this.#node} ${group} applied up to ${applied} of ${lastChosen}`);
    const due = applied + 1 < model.instances ? model.ledgerBefore[applied + 1] : model.ledger.length;
    const { ledger } = this.#seenOf(group);
    demand(ledger === due, 'in-order', () => {
      return `${this.#node} ${group} called its machine ${ledger} times up to instance ${applied}, not ${due}`;
    });
    if (replica === null) return;
    const { open, membership } = replica;
    electorates.uses(() => `${this.#node} ${group}`, open, membership);
    if (applied !== membership.version) return;
    const { gid, version } = face.membersView();
    demand(gid === membership.gid && version === membership.version, 'one-membership', () => {
      return `${this.#node} ${group} at ${applied} shows membership ${version} of ${gid}`;
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
