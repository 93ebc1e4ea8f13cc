// The witnesses of a run, one for each group, before anything has happened.
import type { GroupId, NodeId } from '../core/ids.js';
import type { Member, Membership } from '../core/membership.js';
import type { PeerAddress } from '../engine/ports.js';
import type { CallBook } from './checkers/call-book.js';
import type { MembershipRule } from './checkers/electorates.js';
import { GroupWitness } from './checkers/group-witness.js';
import { LogModel, type LogWitness } from './checkers/log-model.js';
import { membersAfter } from './checkers/members-model.js';
import type { Outcomes } from './checkers/outcomes.js';

export interface WitnessesOptions {
  readonly groups: readonly GroupId[];
  readonly nodes: readonly NodeId[];
  readonly founders: readonly PeerAddress[];
  readonly book: CallBook;
  readonly outcomes: Outcomes;
  /** An order to the members took effect. */
  readonly changed: (op: string) => void;
}

export function witnessesOf(options: WitnessesOptions): ReadonlyMap<GroupId, LogWitness> {
  const { groups, nodes, founders, book, outcomes, changed } = options;
  const places = new Map(nodes.map((id, place) => [id, place]));
  const members = founders.map(({ id, url }): Member => ({ id, url, role: 'voter', store: null }));
  const founding: Membership = { gid: null, version: -1, members };
  const rule: MembershipRule = (before, instance, value) => membersAfter(before, instance, value, changed);
  const witnessOf = (group: GroupId) => {
    return new GroupWitness(group, places, founding, rule, new LogModel(group, book, outcomes));
  };
  return new Map(groups.map((group) => [group, witnessOf(group)]));
}
