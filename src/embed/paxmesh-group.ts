// A group as an embedding program sees it: `app.paxmesh.group('main')`. Checks what the program gives (the HTTP routes do that
// by schema) and hands it to the engine. Every call that cannot be answered throws a PaxmeshError: its `code` says why, its
// `outcome` whether it may have happened all the same.
import { PaxmeshError } from '../engine/errors.js';
import type { FollowOptions, GroupFace, NewCommand, ReadOptions } from '../engine/face.js';
import type {
  BatchCommitted,
  Committed,
  GroupStatus,
  MasterView,
  MembersView,
  ProposalState,
  ReadAnswer,
} from '../engine/views.js';
import { type Commit, commits, type Ending, masters } from './following.js';
import { draftOf } from './value.js';

export interface ProposalOptions {
  /** 1 to 60000; the node's `timeoutMs` when absent. */
  readonly timeoutMs?: number;
  /** 1 to 255 visible ASCII characters. A repeat is answered with the first answer, `replayed: true`. */
  readonly idempotencyKey?: string;
  /** Applied only while this is the master's `version`; else precondition-failed. */
  readonly ifMaster?: number;
}

export interface BatchEntry {
  readonly machine: string;
  readonly value: unknown;
  readonly idempotencyKey?: string;
}

export interface CommitsOptions extends Partial<FollowOptions> {
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** Orders to the group, as the HTTP API has them. */
export type GroupOrders = Pick<
  GroupFace,
  | 'addMember'
  | 'updateMember'
  | 'removeMember'
  | 'replaceMember'
  | 'readmitMember'
  | 'releaseMaster'
  | 'transferMaster'
  | 'preferredMaster'
  | 'preferMaster'
  | 'setLease'
  | 'checkpoints'
  | 'takeCheckpoint'
  | 'retention'
  | 'setRetention'
>;

const TIMEOUT_MS_MAX = 60_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

export class PaxmeshGroup {
  readonly #group: GroupFace;
  readonly #node: Ending;

  constructor(group: GroupFace, node: Ending) {
    this.#group = group;
    this.#node = node;
  }

  get name(): string {
    return this.#group.name;
  }

  /** The last instance that was applied here; -1 before the first. */
  get applied(): number {
    return this.#group.applied;
  }

  /**
   * Commits one value and answers when it is chosen and applied on this node. `value`: bytes, a string (kept as UTF-8 text), or
   * anything that JSON can say. `result` is what the machine's `apply` answered. Throws command-rejected when the machine
   * says no, unknown-machine, value-too-large, proposal-timeout (outcome unknown: repeat it with the same idempotency key),
   * no-quorum, draining, and so on.
   */
  async propose<R = unknown>(machine: string, value: unknown, options: ProposalOptions = {}): Promise<Committed<R>> {
    const { idempotencyKey, ...rest } = options;
    const command = commandOf({ machine, value, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
    checkOptions(rest);
    return (await this.#live.propose(command, rest)) as Committed<R>;
  }

  /** Several values in one instance, all or none. A machine may still reject some of them: those entries have a `code`. */
  async batch(
    entries: readonly BatchEntry[],
    options: Omit<ProposalOptions, 'idempotencyKey'> = {},
  ): Promise<BatchCommitted> {
    checkOptions(options);
    return this.#live.proposeBatch(entries.map(commandOf), options);
  }

  /** What became of an idempotency key; waits up to `waitMs` while it is under way. Throws key-not-found. */
  async proposal(idempotencyKey: string, waitMs = 0): Promise<ProposalState> {
    return this.#live.proposal(idempotencyKey, waitMs);
  }

  /**
   * Asks a machine's `query`. Linearizable unless `read` says otherwise: the answer holds everything that was acknowledged
   * anywhere before the call. Throws no-quorum or catching-up when it cannot be had in time, and what `query` throws.
   */
  async read<A = unknown>(machine: string, question: unknown, options: ReadOptions = {}): Promise<ReadAnswer<A>> {
    checkTimeout(options.timeoutMs);
    return (await this.#live.read(machine, question, options)) as ReadAnswer<A>;
  }

  /** Resolves when this instance is applied here. Throws catching-up after `timeoutMs`, 5000 unless it is given. */
  async waitFor(instanceId: number, { timeoutMs = 5000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkTimeout(timeoutMs);
    const until = performance.now() + timeoutMs;
    while (this.#live.applied < instanceId) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) {
        throw new PaxmeshError(
          'catching-up',
          `instance ${instanceId} was not applied here in time; ${this.applied} was`,
        );
      }
      await this.#group.changed(leftMs);
    }
  }

  /**
   * The log from `from` on (an instance, `earliest`, or `now`, the default): each instance once, in order, as it is applied
   * here. Ends when the app closes or `signal` fires; throws instance-trimmed when the log no longer goes back that far.
   */
  follow(options: CommitsOptions = {}): AsyncIterable<Commit> {
    return commits(this.#group, options, this.#node);
  }

  /** Who is master: now, and whenever that changes. Ends when the app closes or `signal` fires. */
  masters(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<MasterView> {
    return masters(this.#group, options, this.#node);
  }

  /** This very process holds the lease, by its own clock less a margin. */
  get isMaster(): boolean {
    return this.#node.broken === null && this.#group.masterView().self;
  }

  /** Who holds the lease, as this node knows it. `version` serves as a fence, and as `ifMaster`. */
  master(): MasterView {
    return this.#live.masterView();
  }

  members(): MembersView {
    return this.#live.membersView();
  }

  status(): GroupStatus {
    return this.#group.status();
  }

  /** Members, master, checkpoints and retention: what an operator orders. */
  get orders(): GroupOrders {
    return this.#live;
  }

  get #live(): GroupFace {
    if (this.#node.broken !== null) throw this.#node.broken;
    return this.#group;
  }
}

function commandOf({ machine, value, idempotencyKey }: BatchEntry): NewCommand {
  if (typeof machine !== 'string') throw invalid('the machine must be named');
  if (idempotencyKey !== undefined && !KEY.test(idempotencyKey)) {
    throw invalid('an idempotency key has 1 to 255 visible ASCII characters');
  }
  return { machine, idempotencyKey, ...draftOf(value) };
}

function checkOptions({ timeoutMs, ifMaster }: ProposalOptions): void {
  checkTimeout(timeoutMs);
  if (ifMaster !== undefined && !(Number.isSafeInteger(ifMaster) && ifMaster >= 0)) {
    throw invalid('ifMaster is the version of a master, a whole number');
  }
}

function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || (timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX)) return;
  throw invalid(`timeoutMs must be 1 to ${TIMEOUT_MS_MAX}`);
}

function invalid(detail: string): PaxmeshError {
  return new PaxmeshError('invalid-request', detail);
}
