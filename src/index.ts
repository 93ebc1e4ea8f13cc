// What programs import: the Fastify plugin with its types, and what a state machine of one's own is made of. The Paxos core
// alone is `paxmesh/core`. Everything else is private and may change in any release.
export { ConfigError } from './config.js';
export type { Commit } from './embed/following.js';
export type { MachineFactory, MachinesOption } from './embed/machines.js';
export type { PaxmeshOptions } from './embed/options.js';
export { Paxmesh } from './embed/paxmesh.js';
export {
  type BatchEntry,
  type CommitsOptions,
  type GroupOrders,
  PaxmeshGroup,
  type ProposalOptions,
} from './embed/paxmesh-group.js';
export type { LoggedValue } from './embed/value.js';
export { type ErrorCode, type Outcome, PaxmeshError, StoreUnusable } from './engine/errors.js';
export type { ReadOptions } from './engine/face.js';
export type {
  BatchCommitted,
  BatchResult,
  Committed,
  GroupStatus,
  MasterView,
  MembersView,
  MemberView,
  NodeStatus,
  ProposalState,
  ReadAnswer,
  ReadMode,
  ReadyCheck,
} from './engine/views.js';
export type { Command, Encoding, ProposalId } from './machines/command.js';
export type { Applied, ApplyContext, Draft, Rejected, SnapshotSource, StateMachine } from './machines/machine.js';
export { SnapshotDamaged } from './machines/sections.js';
export { paxmesh } from './plugin.js';
export { VERSION } from './version.js';
