// Everything that nodes say to each other, as it leaves and as it arrives: part of the run's sum, of its transcript, and of
// what the witnesses judge.
import type { GroupId, NodeId } from '../core/ids.js';
import { isHostMessage, type PeerMessage } from '../engine/peer-messages.js';
import type { DiskView } from './checkers/group-witness.js';
import type { Loans } from './checkers/loans.js';
import { describe } from './describe.js';
import type { WithWitness } from './sim-disk.js';
import type { Frame } from './sim-transport.js';
import type { RunTrace } from './trace.js';
import type { VirtualTime } from './virtual-time.js';

export interface OverheardOptions {
  readonly time: VirtualTime;
  readonly trace: RunTrace;
  readonly loans: Loans;
  readonly witness: WithWitness;
  readonly disk: (node: NodeId, group: GroupId) => DiskView | undefined;
}

export class Overheard {
  readonly #options: OverheardOptions;

  constructor(options: OverheardOptions) {
    this.#options = options;
  }

  says(from: NodeId, to: NodeId, group: GroupId, message: PeerMessage): void {
    const { time, trace, loans, witness, disk } = this.#options;
    trace.add(time.now);
    trace.addText(message.type);
    if ('instance' in message) trace.add(message.instance);
    if ('ballot' in message) trace.add(message.ballot.round);
    if (trace.wantsLines) trace.line(time.now, from, `${group} -> ${to}: ${describe(message)}`);
    if (message.type === 'block-ask') loans.asks(from, to, group, message.instance, time.now);
    if (message.type === 'block') loans.lent(from, to, group, message.instance, time.now);
    if (message.type === 'position' && message.state !== null) {
      const { instance, sum } = message.state;
      witness(group, (judge) => judge.sums(from, instance, sum));
    }
    const view = disk(from, group);
    if (!isHostMessage(message) && view !== undefined) witness(group, (judge) => judge.says(from, message, view));
  }

  heard(from: NodeId, to: NodeId, frame: Frame): void {
    const { time, trace } = this.#options;
    trace.add(time.now);
    if (!trace.wantsLines) return;
    for (const { group, message } of frame) trace.line(time.now, to, `${group} <- ${from}: ${describe(message)}`);
  }
}
