// A node's disk in simulation: the memory store's own medium, with a witness that sees every write before it is applied,
// and faults around each commit. What a crash finds is what was applied by then, never more.
import { NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import { blocksOf, checkpointOf } from '../engine/checkpoints/checkpoint.js';
import type { GroupWrites, StoreWrite } from '../engine/log-store.js';
import { MemoryDisk, type MemoryGroup } from '../store/memory-disk.js';
import type { DiskView } from './checkers/group-witness.js';
import type { LogWitness } from './checkers/log-model.js';

/** Lets a group's witness look; what it finds is reported there, never thrown. */
export type WithWitness = (group: GroupId, look: (witness: LogWitness) => void) => void;

export interface DiskHooks {
  readonly witness: WithWitness;
  readonly wrote: (group: GroupId, write: StoreWrite) => void;
  /** The node takes the beginning of its log away, by its own choice. */
  readonly trims: (group: GroupId, before: InstanceId) => void;
}

export class SimDisk extends MemoryDisk {
  readonly #node: NodeId;
  readonly #hooks: DiskHooks;
  readonly #views = new Map<GroupId, DiskView>();
  #isApplying = false;
  /** Times a commit by this much; a slow disk. */
  slowness = 1;

  constructor(node: NodeId, hooks: DiskHooks) {
    super(`store-of-${node}`);
    this.#node = node;
    this.#hooks = hooks;
  }

  override apply(batch: readonly GroupWrites[]): void {
    this.#isApplying = true;
    for (const { group, writes } of batch) {
      const view = this.view(group);
      for (const write of writes) {
        this.#hooks.witness(group, (witness) => witness.writes(this.#node, write, view));
        this.#hooks.wrote(group, write);
        super.apply([{ group, writes: [write] }]);
        if (write.type !== 'begin') continue;
        // A checkpoint in place closes all that is inside it.
        this.#hooks.witness(group, ({ model }) => model.promotions.closed(this.identity, write.instance - 1));
      }
    }
    this.#isApplying = false;
  }

  override trim(group: GroupId, before: InstanceId): void {
    if (!this.#isApplying && before > (this.groups.get(group)?.first ?? 0)) {
      this.#hooks.witness(group, (witness) => witness.cuts(this.#node, before, this.view(group)));
      this.#hooks.trims(group, before);
    }
    super.trim(group, before);
  }

  view(group: GroupId): DiskView {
    let view = this.#views.get(group);
    if (view === undefined) {
      const { groups, blocks } = this;
      const held = (): MemoryGroup | undefined => groups.get(group);
      const identity = () => this.identity;
      const checkpoint = () => checkpointOf(held()?.variables ?? new Map());
      view = {
        get identity() {
          return identity();
        },
        get promised() {
          return held()?.promised ?? NO_BALLOT;
        },
        get checkpoint() {
          return checkpoint()?.instance ?? -1;
        },
        record: (instance) => held()?.records.get(instance),
        holds: (instance) => {
          return held()?.records.has(instance) === true || instance <= (checkpoint()?.instance ?? -1);
        },
        isIntact: () => {
          const { name = '', bytes = 0 } = checkpoint() ?? {};
          const indices = Array.from({ length: blocksOf(bytes) }, (_, index) => index);
          return indices.every((index) => blocks.read(group, name, index) !== null);
        },
      };
      this.#views.set(group, view);
    }
    return view;
  }
}
