// `$master`: who holds the lease, as a replicated machine. The log decides who holds it and since when; how long it still
// runs is a matter of clocks and belongs to src/engine/lease/lease-keeper.ts. Every operation is a compare-and-set: an acquire
// names the state it saw, so of two candidates the second in the log is rejected.
import type { InstanceId, Millis, NodeId } from '../core/ids.js';
import { MASTER } from './batch.js';
import type { Command } from './command.js';
import type { Applied, ApplyContext, StateMachine } from './machine.js';

/**
 * `startedAtMs` is the candidate's own monotonic clock before it proposed, meaningful only in the process `origin`: the
 * holder's expiry is derived from the operation itself, so one that commits late gives a short lease, never a wrong one.
 */
export type MasterCommand =
  | {
      readonly op: 'acquire';
      readonly node: NodeId;
      readonly origin: string;
      readonly startedAtMs: Millis;
      /** `renewal` of the state the candidate saw; null: none so far. */
      readonly expects: InstanceId | null;
      readonly leaseMs: Millis;
    }
  | {
      readonly op: 'renew';
      readonly node: NodeId;
      readonly origin: string;
      readonly startedAtMs: Millis;
      readonly version: InstanceId;
      readonly leaseMs: Millis;
    }
  /** `heir`: who shall have it next; the others hold back for a while. */
  | { readonly op: 'release'; readonly node: NodeId; readonly version: InstanceId; readonly heir: NodeId | null }
  /** From the next acquire or renewal on. */
  | { readonly op: 'set-lease'; readonly leaseMs: Millis }
  /** Who shall have the lease whenever it can; null: nobody in particular. Ends no tenure by itself. */
  | { readonly op: 'prefer'; readonly node: NodeId | null };

export interface MasterState {
  /** null after a release. */
  readonly node: NodeId | null;
  readonly origin: string | null;
  readonly startedAtMs: Millis;
  /** The instance that began this tenure. */
  readonly version: InstanceId;
  /** The instance of the last renewal (or of the release). */
  readonly renewal: InstanceId;
  readonly leaseMs: Millis;
  /** Of a released lease: who shall have it next. */
  readonly heir: NodeId | null;
}

/** All of it, as a snapshot has it. */
export interface MasterFacts {
  readonly state: MasterState | null;
  readonly leaseMs: Millis | null;
  /** Left out when it is nobody. */
  readonly preferred?: NodeId;
}

export class MasterMachine implements StateMachine {
  readonly name = MASTER;
  #state: MasterState | null = null;
  #leaseMs: Millis | null = null;
  #preferred: NodeId | null = null;

  /** What the group has agreed on for the next lease; null: nothing, each candidate takes its own setting. */
  get leaseMs(): Millis | null {
    return this.#leaseMs;
  }

  /** null: the group never had a master. */
  get state(): MasterState | null {
    return this.#state;
  }

  /** Whom the group has agreed to prefer; it need not be a member any more. */
  get preferred(): NodeId | null {
    return this.#preferred;
  }

  get facts(): MasterFacts {
    const facts = { state: this.#state, leaseMs: this.#leaseMs };
    return this.#preferred === null ? facts : { ...facts, preferred: this.#preferred };
  }

  restored({ state, leaseMs, preferred }: MasterFacts): void {
    this.#state = state;
    this.#leaseMs = leaseMs;
    this.#preferred = preferred ?? null;
  }

  apply(command: Command, { instance }: ApplyContext): Applied {
    const order = JSON.parse(Buffer.from(command.bytes).toString('utf8')) as MasterCommand;
    const state = this.#state;
    if (order.op === 'set-lease') {
      this.#leaseMs = order.leaseMs;
      return { result: { leaseMs: order.leaseMs } };
    }
    if (order.op === 'prefer') {
      this.#preferred = order.node;
      return { result: { preferred: order.node } };
    }
    if (order.op === 'acquire') {
      if ((state?.renewal ?? null) !== order.expects) return { rejected: 'the lease has moved on' };
      const { node, origin, startedAtMs, leaseMs } = order;
      this.#state = { node, origin, startedAtMs, leaseMs, version: instance, renewal: instance, heir: null };
      return { result: { version: instance } };
    }
    if (state === null || state.node !== order.node || state.version !== order.version) {
      return { rejected: 'not the holder' };
    }
    this.#state =
      order.op === 'renew'
        ? { ...state, ...renewed(order), renewal: instance }
        : { ...state, node: null, origin: null, renewal: instance, heir: order.heir };
    return { result: { version: state.version } };
  }
}

function renewed({ origin, startedAtMs, leaseMs }: Extract<MasterCommand, { op: 'renew' }>): Partial<MasterState> {
  return { origin, startedAtMs, leaseMs };
}
