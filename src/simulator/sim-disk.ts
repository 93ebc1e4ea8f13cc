// A node's disk in simulation: the memory store's own medium, with a witness that sees every write before it is applied,
// and faults around each commit. What a crash finds is what was applied by then, never more.
import { NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import type { GroupWrites, StoreWrite } from '../engine/log-store.js';
import { MemoryDisk, type MemoryGroup } from '../store/memory-disk.js';
import type { DiskView } from './checkers/group-witness.js';
import type { LogWitness } from './checkers/log-model.js';

/** Lets a group's witness look; what it finds is reported there, never thrown. */
export type WithWitness = (group: GroupId, look: (witness: LogWitness) => void) => void;

export class SimDisk extends MemoryDisk {
  readonly #node: NodeId;
  readonly #witness: WithWitness;
  readonly #wrote: (group: GroupId, write: StoreWrite) => void;
  readonly #views = new Map<GroupId, DiskView>();
  /** Times a commit by this much; a slow disk. */
  slowness = 1;

  constructor(node: NodeId, witness: WithWitness, wrote: (group: GroupId, write: StoreWrite) => void) {
    super(`store-of-${node}`);
    this.#node = node;
    this.#witness = witness;
    this.#wrote = wrote;
  }

  override apply(batch: readonly GroupWrites[]): void {
    for (const { group, writes } of batch) {
      const view = this.view(group);
      for (const write of writes) {
        this.#witness(group, (witness) => witness.writes(this.#node, write, view));
        this.#wrote(group, write);
        super.apply([{ group, writes: [write] }]);
      }
    }
  }

  view(group: GroupId): DiskView {
    let view = this.#views.get(group);
    if (view === undefined) {
      const { groups } = this;
      const held = (): MemoryGroup | undefined => groups.get(group);
      const identity = () => this.identity;
      view = {
        get identity() {
          return identity();
        },
        get promised() {
          return held()?.promised ?? NO_BALLOT;
        },
        record: (instance: InstanceId) => held()?.records.get(instance),
      };
      this.#views.set(group, view);
    }
    return view;
  }
}
