// Sees every durable write, every message as it leaves and every closed instance of one group, on all nodes, and holds
// them against each other. What is chosen is counted here independently: a value is chosen when a majority of the
// instance's voters hold a durable vote for it under one ballot, whoever has noticed.
// Invariants: agreement, stability, promise-monotone, vote-after-promise, ballot-owner, durable-before-said,
// chosen-is-counted, one-membership, listed-identity, same-state.
import { type Ballot, compareBallots, formatBallot } from '../../core/ballot.js';
import { CHAIN_START } from '../../core/chain.js';
import type { Entry, RecordWrite } from '../../core/effects.js';
import type { GroupId, InstanceId, NodeId, StoreId } from '../../core/ids.js';
import type { Membership } from '../../core/membership.js';
import type { Message } from '../../core/message.js';
import type { Value } from '../../core/value.js';
import { chainOf } from '../../engine/log/checksum.js';
import type { StoreWrite } from '../../engine/log-store.js';
import { demand } from '../violation.js';
import { Electorates, type MembershipRule } from './electorates.js';

interface BallotVotes {
  readonly value: Value;
  /** Bit per node. */
  voters: number;
}

export interface ChosenInstance {
  readonly value: Value;
  readonly ballot: Ballot;
  readonly chain: number;
}

/** What the disk of a node holds at this moment. */
export interface DiskView {
  readonly identity: StoreId;
  readonly promised: Ballot;
  /** The last instance inside the checkpoint that counts; -1: none does. */
  readonly checkpoint: InstanceId;
  record(instance: InstanceId): Pick<RecordWrite, 'ballot' | 'chosen' | 'value'> | undefined;
  /** In the log, or inside the checkpoint. */
  holds(instance: InstanceId): boolean;
  /** All blocks of the checkpoint can be read. */
  isIntact(): boolean;
}

const NODES_MAX = 32;

/** What else wants to know of every chosen value, in order. */
export interface Model {
  push(bytes: Uint8Array): void;
}

export class GroupWitness<M extends Model> {
  readonly group: GroupId;
  readonly model: M;
  readonly electorates: Electorates;
  readonly chosen: ChosenInstance[] = [];
  readonly #nodes: ReadonlyMap<NodeId, number>;
  readonly #votes: Map<number, BallotVotes>[] = [];
  /** Values sent under a ballot: ballot-owner holds for accepts that nobody has voted for, too. */
  readonly #offers: Map<number, string>[] = [];
  readonly #sums = new Map<InstanceId, { readonly node: NodeId; readonly sum: number }>();

  constructor(
    group: GroupId,
    nodes: ReadonlyMap<NodeId, number>,
    founding: Membership,
    rule: MembershipRule,
    model: M,
    leaps = false,
  ) {
    this.group = group;
    this.model = model;
    this.electorates = new Electorates(nodes, founding, rule, leaps);
    this.#nodes = nodes;
  }

  /** Before the disk takes a write; `disk` as it is, with the earlier writes of the flush in it. */
  writes(node: NodeId, write: StoreWrite, disk: DiskView): void {
    if (write.type === 'promise') {
      demand(compareBallots(write.ballot, disk.promised) >= 0, 'promise-monotone', () => {
        return `${node} ${this.group} writes promise ${formatBallot(write.ballot)} over ${formatBallot(disk.promised)}`;
      });
    } else if (write.type === 'record') this.#record(node, write, disk);
    else if (write.type === 'begin') this.cuts(node, write.instance, disk);
  }

  /** The log of a node is to begin at an instance. */
  cuts(node: NodeId, before: InstanceId, { checkpoint }: DiskView): void {
    demand(before <= checkpoint + 1, 'acked-is-kept', () => {
      return `${node} ${this.group} cuts its log below ${before}; its checkpoint goes up to ${checkpoint}`;
    });
  }

  /** What a node says of its whole state after an instance. */
  sums(node: NodeId, instance: InstanceId, sum: number): void {
    const known = this.#sums.get(instance) ?? { node, sum };
    this.#sums.set(instance, known);
    demand(known.sum === sum, 'same-state', () => {
      return `${this.group}: after ${instance} the state sums up to ${sum} at ${node}, to ${known.sum} at ${known.node}`;
    });
  }

  #record(node: NodeId, write: RecordWrite, disk: DiskView): void {
    const { instance, ballot, value } = write;
    const where = () => `${node} ${this.group}/${instance}`;
    const held = disk.record(instance);
    const known = this.chosen[instance];
    // A vote below the ballot that chose is none of those that chose it: a ballot between the two may carry another value.
    const isVote =
      held?.value.id === known?.value.id && compareBallots(held?.ballot ?? ballot, known?.ballot ?? ballot) >= 0;
    const isKept = held !== undefined && held.value.id !== value.id && (held.chosen || isVote);
    demand(!isKept, 'stability', () => {
      return `${where()} holds the chosen ${held?.value.id} and is overwritten with ${value.id}`;
    });
    if (write.chosen) {
      this.#isChosen(where, instance, value);
      return;
    }
    demand(compareBallots(ballot, disk.promised) === 0, 'vote-after-promise', () => {
      return `${where()} votes at ${formatBallot(ballot)} and has promised ${formatBallot(disk.promised)}`;
    });
    this.electorates.speaks(() => `${where()} votes`, instance, node, disk.identity);
    this.#offer(where, instance, ballot, value.id);
    const votes = this.#votesAt(instance);
    const key = this.#key(ballot);
    let counted = votes.get(key);
    if (counted === undefined) {
      counted = { value, voters: 0 };
      votes.set(key, counted);
    }
    counted.voters |= 1 << this.#index(node);
    this.#count(instance, ballot, counted);
  }

  #count(instance: InstanceId, ballot: Ballot, counted: BallotVotes): void {
    const known = this.chosen[instance];
    const { voters, quorum } = this.electorates.at(instance);
    if (known !== undefined) {
      // Also votes that are no majority: a ballot above the choosing one must carry the chosen value.
      const later = compareBallots(ballot, known.ballot) > 0 || bits(counted.voters & voters) >= quorum;
      demand(!later || known.value.id === counted.value.id, 'agreement', () => {
        return `${this.group}/${instance}: ${known.value.id} is chosen at ${formatBallot(known.ballot)}, and votes for ${counted.value.id} are cast at ${formatBallot(ballot)}`;
      });
      return;
    }
    if (instance !== this.chosen.length || bits(counted.voters & voters) < quorum) return;
    const previous = this.chosen[instance - 1]?.chain ?? CHAIN_START;
    const { value } = counted;
    this.chosen.push({ value, ballot, chain: chainOf(previous, instance, value) });
    this.electorates.chosen(instance, value);
    this.model.push(value.bytes);
  }

  /** A message leaves its sender. */
  says(from: NodeId, message: Message, disk: DiskView): void {
    const where = () => `${from} ${this.group} ${message.type}`;
    switch (message.type) {
      case 'prepare':
      case 'accept':
        demand(message.ballot.node === from, 'ballot-owner', () => `${where()} at ${formatBallot(message.ballot)}`);
        this.electorates.speaks(where, message.instance, from, disk.identity);
        this.#promises(where, disk, message.ballot);
        if (message.type === 'accept') this.#offer(where, message.instance, message.ballot, message.value.id);
        return;
      case 'promised': {
        this.electorates.speaks(where, message.instance, from, disk.identity);
        this.#promises(where, disk, message.ballot);
        const { vote } = message;
        if (vote !== null) this.#hasVoted(where, from, message.instance, vote.ballot, vote.value.id);
        return;
      }
      case 'rejected':
        this.#promises(where, disk, message.promised);
        return;
      case 'accepted':
        this.electorates.speaks(where, message.instance, from, disk.identity);
        this.#hasVoted(where, from, message.instance, message.ballot, null);
        return;
      case 'chosen': {
        const voters = this.#votes[message.instance]?.get(this.#key(message.ballot))?.voters ?? 0;
        const known = this.chosen[message.instance];
        const due = this.electorates.at(message.instance);
        demand(known !== undefined && bits(voters & due.voters) >= due.quorum, 'chosen-is-counted', () => {
          return `${where()} ${message.instance} at ${formatBallot(message.ballot)}: ${bits(voters)} durable votes, quorum ${due.quorum}`;
        });
        return;
      }
      case 'teach':
        for (const { instance, value, chain } of message.entries) {
          this.#isChosen(where, instance, value);
          demand(
            chain === this.chosen[instance]?.chain,
            'same-state',
            () => `${where()} teaches another chain at ${instance}`,
          );
        }
        return;
      case 'ask':
        demand(message.open <= this.chosen.length, 'chosen-is-counted', () => {
          return `${where()} has closed all below ${message.open}, and only ${this.chosen.length} are chosen`;
        });
        return;
    }
  }

  /** A node has closed an instance. */
  closes(node: NodeId, entry: Entry): void {
    const where = () => `${node} ${this.group}/${entry.instance}`;
    this.#isChosen(where, entry.instance, entry.value);
    demand(
      entry.chain === this.chosen[entry.instance]?.chain,
      'same-state',
      () => `${where()} comes to another checksum`,
    );
  }

  /** At the end: everything chosen stands on a majority of disks, but for those that were wiped or have rotted. */
  kept(disks: ReadonlyMap<NodeId, DiskView>, lost: number): void {
    const covers = Array.from(disks.values(), (disk) => (disk.isIntact() ? disk.checkpoint : -1));
    this.chosen.forEach(({ value }, instance) => {
      let holders = 0;
      let place = 0;
      for (const disk of disks.values()) {
        const isCovered = instance <= (covers[place++] ?? -1);
        if (isCovered || disk.record(instance)?.value.id === value.id) holders++;
      }
      demand(holders >= this.electorates.at(instance).quorum - lost, 'acked-is-kept', () => {
        return `${this.group}/${instance} ${value.id} is chosen and stands on ${holders} disks only`;
      });
    });
  }

  #isChosen(where: () => string, instance: InstanceId, value: Value): void {
    const known = this.chosen[instance];
    demand(
      known !== undefined,
      'chosen-is-counted',
      () => `${where()} takes ${value.id} as chosen at ${instance}; it has no majority`,
    );
    demand(
      known.value.id === value.id,
      'agreement',
      () => `${where()} takes ${value.id} as chosen; it is ${known.value.id}`,
    );
  }

  #promises(where: () => string, disk: DiskView, ballot: Ballot): void {
    demand(compareBallots(disk.promised, ballot) >= 0, 'durable-before-said', () => {
      return `${where()} at ${formatBallot(ballot)}; its disk has promised ${formatBallot(disk.promised)}`;
    });
  }

  #hasVoted(where: () => string, node: NodeId, instance: InstanceId, ballot: Ballot, value: string | null): void {
    const votes = this.#votes[instance]?.get(this.#key(ballot));
    const voted = votes !== undefined && (votes.voters & (1 << this.#index(node))) !== 0;
    demand(voted && (value === null || votes.value.id === value), 'durable-before-said', () => {
      return `${where()} tells of a vote at ${instance}, ${formatBallot(ballot)} that its disk never held`;
    });
  }

  #offer(where: () => string, instance: InstanceId, ballot: Ballot, value: string): void {
    let offers = this.#offers[instance];
    if (offers === undefined) {
      offers = new Map();
      this.#offers[instance] = offers;
    }
    const key = this.#key(ballot);
    const known = offers.get(key);
    if (known === undefined) offers.set(key, value);
    else {
      demand(known === value, 'ballot-owner', () => {
        return `${where()} ${instance}: ballot ${formatBallot(ballot)} carries ${value} and carried ${known}`;
      });
    }
  }

  #votesAt(instance: InstanceId): Map<number, BallotVotes> {
    let votes = this.#votes[instance];
    if (votes === undefined) {
      votes = new Map();
      this.#votes[instance] = votes;
    }
    return votes;
  }

  #index(node: NodeId): number {
    const index = this.#nodes.get(node);
    demand(index !== undefined, 'validity', () => `there is no node ${node}`);
    return index;
  }

  #key(ballot: Ballot): number {
    return ballot.round * NODES_MAX + this.#index(ballot.node);
  }
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
