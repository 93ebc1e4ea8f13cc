// What outlives a process that keeps its facts in memory: the "disk" under MemoryStore. It is the simulator's disk, and
// the whole of the store `memory:`, where it ends with the process. Everything in it is synchronous: the moment a commit
// becomes durable is one call of `apply`, so a crash falls either before it or after it.
//
// It can be wiped, made unusable, and have single rows garbled or taken away, to stand in for media that fail.

import type { Ballot } from '../core/ballot.js';
import { compareBallots, NO_BALLOT } from '../core/ballot.js';
import type { GroupId, InstanceId, StoreId } from '../core/ids.js';
import type { GroupWrites, LogRecord } from '../engine/log-store.js';
import { MemoryBlocks } from './memory-blocks.js';

export interface MemoryGroup {
  promised: Ballot;
  promiseGarbled: boolean;
  /** What a load found that may hide a vote; stays until a promise is written again. */
  voteLost: string | null;
  /** Instances that exist: [first, last], empty when last < first. */
  first: InstanceId;
  last: InstanceId;
  readonly records: Map<InstanceId, LogRecord>;
  readonly garbled: Set<InstanceId>;
  readonly variables: Map<string, string>;
}

export class MemoryDisk {
  identity: StoreId;
  epoch = 0;
  /** Set to a reason, every open and commit is refused with it. */
  unusable: string | null = null;
  readonly groups = new Map<GroupId, MemoryGroup>();
  readonly blocks = new MemoryBlocks();

  /** The identity is given, not made, so that a simulated run holds no chance of its own. */
  constructor(identity: StoreId) {
    this.identity = identity;
  }

  /** Everything is gone, the identity too: the next open founds another store. */
  wipe(identity: StoreId): void {
    this.identity = identity;
    this.epoch = 0;
    this.groups.clear();
    this.blocks.clear();
  }

  apply(batch: readonly GroupWrites[]): void {
    for (const { group, writes } of batch) {
      if (writes.length === 0) continue;
      const held = this.#group(group);
      for (const write of writes) {
        if (write.type === 'promise') {
          held.voteLost = null;
          held.promiseGarbled = false;
          if (compareBallots(write.ballot, held.promised) > 0) held.promised = { ...write.ballot };
        } else if (write.type === 'record') {
          const { instance, ballot, chosen, checksum, value } = write;
          if (instance < held.first) continue;
          const bytes = value.bytes.slice();
          held.records.set(instance, {
            instance,
            ballot: { ...ballot },
            chosen,
            checksum,
            value: { id: value.id, bytes },
          });
          held.garbled.delete(instance);
          held.last = Math.max(held.last, instance);
        } else if (write.type === 'begin') {
          this.trim(group, write.instance);
        } else {
          held.variables.set(write.name, write.json);
        }
      }
    }
  }

  trim(group: GroupId, before: InstanceId): void {
    const held = this.groups.get(group);
    if (held === undefined) return;
    for (let instance = held.first; instance < before && instance <= held.last; instance++) {
      held.records.delete(instance);
      held.garbled.delete(instance);
    }
    if (before <= held.first) return;
    held.first = before;
    held.last = Math.max(held.last, before - 1);
  }

  /** A byte of this record is not what was written. */
  flipRecord(group: GroupId, instance: InstanceId): void {
    const held = this.groups.get(group);
    if (held?.records.has(instance)) held.garbled.add(instance);
  }

  /** A byte of the promise register is not what was written. */
  flipPromise(group: GroupId): void {
    const held = this.groups.get(group);
    if (held !== undefined) held.promiseGarbled = true;
  }

  /** The medium has forgotten this record without a word. */
  loseRecord(group: GroupId, instance: InstanceId): void {
    this.groups.get(group)?.records.delete(instance);
  }

  #group(group: GroupId): MemoryGroup {
    let held = this.groups.get(group);
    if (held === undefined) {
      held = {
        promised: NO_BALLOT,
        promiseGarbled: false,
        voteLost: null,
        first: 0,
        last: -1,
        records: new Map(),
        garbled: new Set(),
        variables: new Map(),
      };
      this.groups.set(group, held);
    }
    return held;
  }
}
