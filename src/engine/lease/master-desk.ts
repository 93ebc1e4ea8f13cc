// The master's lease as people order it: give it back, hand it to someone, make it longer or shorter. An order goes to the
// holder, because nobody else may end a lease before its time; done is what the log says here.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import { memberOf } from '../../core/membership.js';
import { MASTER } from '../../machines/batch.js';
import { PaxmeshError } from '../errors.js';
import type { OrderOptions } from '../face.js';
import type { Roster } from '../members/roster.js';
import { pause } from '../pause.js';
import type { Resign } from '../peer-messages.js';
import type { Clock } from '../ports.js';
import type { Intake } from '../proposals/intake.js';
import type { MasterView } from '../views.js';
import type { LeaseKeeper } from './lease-keeper.js';

const LOOK_MS = 20;
/** An order that a lost link may have swallowed is said again. */
const REPEAT_MS = 300;
/** How long a member that is to lose its vote may take to pass the lease on. */
const RELIEF_MS = 2000;

export interface MasterDeskOptions {
  readonly roster: Roster;
  readonly lease: LeaseKeeper;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly timeoutMs: Millis;
  readonly view: () => MasterView;
  /** Last chosen instance here. */
  readonly lastChosen: () => InstanceId;
  readonly refusal: () => PaxmeshError | null;
  readonly send: (to: NodeId, message: Resign) => void;
}

export class MasterDesk {
  readonly #options: MasterDeskOptions;

  constructor(options: MasterDeskOptions) {
    this.#options = options;
  }

  /** Resolves when the tenure that runs now is over by the log; at once when none runs. */
  async release({ timeoutMs = this.#options.timeoutMs }: OrderOptions): Promise<MasterView> {
    const { version } = this.#options.view();
    if (version === null) return this.#options.view();
    return this.#untilDone(null, timeoutMs, (view) => view.version !== version);
  }

  /** Resolves when `to` holds the lease. Throws member-not-found, not-caught-up. */
  async transfer(to: NodeId, { timeoutMs = this.#options.timeoutMs }: OrderOptions): Promise<MasterView> {
    const { roster, view, lastChosen } = this.#options;
    const member = memberOf(roster.current, to);
    if (member === undefined) throw new PaxmeshError('member-not-found', `${to} is not a member`);
    // One that holds it still, and is a voter no more, has it until it runs out.
    if (member.role === 'voter' && view().node === to) return view();
    const counts = roster.liveVoters().some(({ id }) => id === to);
    if (!counts || this.#position(to) < lastChosen() - LAG_MAX) {
      throw new PaxmeshError('not-caught-up', `${to} is not a voter that is connected and level`);
    }
    return this.#untilDone(to, timeoutMs, ({ node }) => node === to);
  }

  /**
   * Before this member loses its vote: whoever holds the lease keeps it until it has run out, voter or not, and nobody may
   * take it meanwhile. So the voter that is furthest gets it first, if it may be had in time.
   */
  async relieve(id: NodeId, withinMs: Millis): Promise<void> {
    const { roster, view } = this.#options;
    const heir = this.#furthest(id);
    if (view().node !== id || !roster.isLive(id) || heir === null) return;
    try {
      await this.#untilDone(heir, Math.min(withinMs, RELIEF_MS), ({ node }) => node !== null && node !== id);
    } catch (error) {
      // A lease that cannot be moved runs out by itself. It must not keep anybody from taking a vote away.
      if (!(error instanceof PaxmeshError)) throw error;
    }
  }

  /** Resolves when the group has agreed on it. Throws member-not-found. */
  async prefer(node: NodeId | null, { timeoutMs }: OrderOptions): Promise<void> {
    const { roster, intake } = this.#options;
    if (node !== null && memberOf(roster.current, node) === undefined) {
      throw new PaxmeshError('member-not-found', `${node} is not a member`);
    }
    await intake.order(MASTER, { op: 'prefer', node }, timeoutMs);
  }

  /** Resolves when the lease that runs is of the new length. */
  async setLease(leaseMs: Millis, { timeoutMs = this.#options.timeoutMs }: OrderOptions): Promise<MasterView> {
    const { clock, intake, view } = this.#options;
    const until = clock.now() + timeoutMs;
    await intake.order(MASTER, { op: 'set-lease', leaseMs }, timeoutMs);
    while (view().node !== null && view().leaseMs !== leaseMs && clock.now() < until) await pause(clock, LOOK_MS);
    return view();
  }

  #position(id: NodeId): InstanceId {
    const { roster, lastChosen } = this.#options;
    return id === roster.self ? lastChosen() : (roster.lastChosenAt(id) ?? -1);
  }

  /** The voter in reach, other than this one, that has most of the log; null: none is level enough. */
  #furthest(than: NodeId): NodeId | null {
    let furthest: NodeId | null = null;
    let position = this.#options.lastChosen() - LAG_MAX;
    for (const { id } of this.#options.roster.liveVoters()) {
      if (id === than || this.#position(id) < position) continue;
      furthest = id;
      position = this.#position(id);
    }
    return furthest;
  }

  async #untilDone(heir: NodeId | null, withinMs: Millis, isDone: (view: MasterView) => boolean): Promise<MasterView> {
    const { clock, view, refusal } = this.#options;
    const until = clock.now() + withinMs;
    for (let repeatAt = clock.now(); ; ) {
      const refused = refusal();
      if (refused !== null) throw refused;
      const now = clock.now();
      if (isDone(view())) return view();
      if (now >= until)
        throw new PaxmeshError('proposal-timeout', 'the lease has not changed hands within the time limit');
      if (now >= repeatAt) {
        this.#order(heir, now);
        repeatAt = now + REPEAT_MS;
      }
      await pause(clock, LOOK_MS);
    }
  }

  #order(heir: NodeId | null, now: Millis): void {
    const { roster, lease, view, send } = this.#options;
    const { node, version } = view();
    if (node === null || version === null || node === heir) return;
    if (node === roster.self) lease.resign(version, heir, now);
    else send(node, { type: 'resign', version, heir });
  }
}

/** Instances a node may be behind and still be level enough to become master. */
export const LAG_MAX = 1000;
