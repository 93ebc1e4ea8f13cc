// Schemas with a name of their own: registered once with the framework, they become components of the document.
import type { TSchema } from 'typebox';
import { Restored } from './backup.js';
import { Batch, BatchCommitted, BatchEntry } from './batch.js';
import { Checkpoint, CheckpointList, Retention, RetentionPatch } from './checkpoint.js';
import { Counter, CounterAdd } from './counter.js';
import { GroupList, GroupStatus } from './group.js';
import { Instance, InstancePage } from './instance.js';
import { KvItem, KvPage, KvWritten } from './kv.js';
import { Lock, LockOrder, LockRelease } from './lock.js';
import { Lease, Master, Preferred, Transfer } from './master.js';
import { Member, MemberPatch, Members, NewMember, Replacement } from './member.js';
import { Live, NodeStatus, Ready } from './node.js';
import { Problem } from './problem.js';
import { Committed, ProposalState } from './proposal.js';
import { Value } from './value.js';

export const COMPONENTS: readonly TSchema[] = [
  Problem,
  Value,
  Instance,
  InstancePage,
  Committed,
  ProposalState,
  BatchEntry,
  Batch,
  BatchCommitted,
  Member,
  Members,
  NewMember,
  MemberPatch,
  Replacement,
  Master,
  Transfer,
  Preferred,
  Lease,
  Checkpoint,
  CheckpointList,
  Retention,
  RetentionPatch,
  Restored,
  GroupStatus,
  GroupList,
  KvWritten,
  KvItem,
  KvPage,
  Lock,
  LockOrder,
  LockRelease,
  Counter,
  CounterAdd,
  NodeStatus,
  Live,
  Ready,
];
