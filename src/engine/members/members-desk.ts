// Changes of the membership as people order them. Each is computed from the list as applied here and carries its version,
// so that of two at once one finds the list changed; without If-Match it is computed again. Refused before anything is
// proposed: what would leave fewer live voters than the new quorum, unless forced. A master that is to lose its vote passes
// the lease on first. An order that comes while the group is being founded waits for that, as proposals do.
import type { Millis, NodeId } from '../../core/ids.js';
import { invariant } from '../../core/invariant.js';
import { type Membership, memberOf, quorumOf, votersOf } from '../../core/membership.js';
import { changedMembership, type MembershipChange } from '../../core/membership-change.js';
import { MEMBERSHIP } from '../../machines/batch.js';
import { PaxmeshError } from '../errors.js';
import type { ChangeOptions, MemberPatch, NewMember } from '../face.js';
import { pause } from '../pause.js';
import type { Clock, PeerAddress } from '../ports.js';
import type { Intake } from '../proposals/intake.js';
import type { MembersView } from '../views.js';
import type { Roster } from './roster.js';

/** How long a newcomer may take to answer before it counts as down. */
const REACH_MS = 4000;
const LOOK_MS = 20;
const TRIES_MAX = 10;
const TOO_FEW = 'fewer voters would be live than make a quorum; ?force=true does it';
const reachMs = ({ timeoutMs = REACH_MS }: ChangeOptions): Millis => Math.min(REACH_MS, timeoutMs);
/** A newcomer that is down, mistyped, or slow: who gave the order can tell which. */
const absent = ({ id, url }: PeerAddress, options: ChangeOptions): string => {
  return `${id} has not answered at ${url} within ${reachMs(options)} ms, and `;
};

export interface MembersDeskOptions {
  readonly roster: Roster;
  readonly intake: Intake;
  readonly clock: Clock;
  /** How long an order waits that does not say. */
  readonly timeoutMs: Millis;
  /** Why nothing is taken now; null: it is. */
  readonly refusal: () => PaxmeshError | null;
  readonly view: () => MembersView;
  /** Keeps a link with a node that is not a member yet; the answer ends that. */
  readonly invite: (guest: PeerAddress) => () => void;
  /** Lets the holder of the lease, if that is this member, pass it on. Resolves also when that was in vain. */
  readonly relieve: (id: NodeId, withinMs: Millis) => Promise<void>;
}

type Basis = { readonly gid: string; readonly expects: number };

export class MembersDesk {
  readonly #options: MembersDeskOptions;

  constructor(options: MembersDeskOptions) {
    this.#options = options;
  }

  add({ id, url, role = 'voter' }: NewMember, options: ChangeOptions): Promise<MembersView> {
    const makes = (basis: Basis) => ({ op: 'add', ...basis, id, url, role, replaces: null }) as const;
    return this.#withGuest({ id, url }, makes, options, async (isThere) => {
      const why = isThere ? '' : absent({ id, url }, options);
      const newVoters = role === 'voter' ? 1 : 0;
      return this.#change(makes, options, (membership) => {
        const voters = votersOf(membership).length + newVoters;
        const live = this.#options.roster.liveVoters(membership).length + (isThere ? newVoters : 0);
        return newVoters === 0 || live > voters / 2 ? null : why + TOO_FEW;
      });
    });
  }

  update(id: NodeId, { url, role }: MemberPatch, options: ChangeOptions): Promise<MembersView> {
    const makes = (basis: Basis) => ({ op: 'update', ...basis, id, url: url ?? null, role: role ?? null }) as const;
    return this.#change(makes, options, (before, after) => this.#objection(before, after));
  }

  remove(id: NodeId, options: ChangeOptions): Promise<MembersView> {
    const makes = (basis: Basis) => ({ op: 'remove', ...basis, id }) as const;
    return this.#change(makes, options, (before, after) => this.#objection(before, after));
  }

  replace(old: NodeId, { id, url }: PeerAddress, options: ChangeOptions): Promise<MembersView> {
    const { roster } = this.#options;
    const makes = (basis: Basis): MembershipChange => {
      const role = memberOf(roster.current, old)?.role ?? 'voter';
      return { op: 'add', ...basis, id, url, role, replaces: old };
    };
    return this.#withGuest({ id, url }, makes, options, async (isThere) => {
      const why = isThere ? '' : absent({ id, url }, options);
      return this.#change(makes, options, (membership) => {
        if (memberOf(membership, old)?.role !== 'voter') return null;
        const stay = roster.liveVoters(membership).filter((member) => member.id !== old).length;
        return stay + (isThere ? 1 : 0) >= quorumOf(membership) ? null : why + TOO_FEW;
      });
    });
  }

  readmit(id: NodeId, options: ChangeOptions): Promise<MembersView> {
    const { roster } = this.#options;
    const makes = (basis: Basis): MembershipChange => {
      const store = roster.isLive(id) ? roster.storeOf(id) : null;
      const known = memberOf(roster.current, id) !== undefined;
      if (known && store === null) throw new PaxmeshError('not-caught-up', `${id} is not connected to this node`);
      return { op: 'readmit', ...basis, id, store: store ?? '' };
    };
    return this.#change(makes, options, () => null);
  }

  async #change(
    makes: (basis: Basis) => MembershipChange,
    { ifMatch, force = false, timeoutMs }: ChangeOptions,
    /** Why it would cost the quorum; null: it would not. */
    objection: (before: Membership, after: Membership) => string | null,
  ): Promise<MembersView> {
    const { intake, view, relieve } = this.#options;
    await this.#untilFounded(timeoutMs);
    for (let tries = 1; ; tries++) {
      const { current, change, after } = this.#planned(makes, ifMatch);
      const cost = force ? null : objection(current, after);
      if (cost !== null) throw new PaxmeshError('would-lose-quorum', cost);
      const loser = votersOf(current).find(({ id }) => memberOf(after, id)?.role !== 'voter');
      if (loser !== undefined)
        await relieve(loser.id, timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeoutMs / 2);
      try {
        await intake.order(MEMBERSHIP, change, timeoutMs);
        return view();
      } catch (error) {
        const raced = error instanceof PaxmeshError && error.code === 'precondition-failed' && ifMatch === undefined;
        if (!raced || tries === TRIES_MAX) throw error;
      }
    }
  }

  /** A group without a gid has no list that could be changed. Throws why it has none, or takes no orders. */
  async #untilFounded(timeoutMs: Millis = this.#options.timeoutMs): Promise<void> {
    const { roster, refusal, clock } = this.#options;
    for (const until = clock.now() + timeoutMs; ; await pause(clock, LOOK_MS)) {
      const refused = refusal();
      if (refused !== null) throw refused;
      if (roster.current.gid !== null) return;
      if (clock.now() >= until) throw new PaxmeshError('no-quorum', 'the group is not founded yet');
    }
  }

  /** The change as it would be now. Throws why it is none. */
  #planned(makes: (basis: Basis) => MembershipChange, ifMatch: number | undefined) {
    const { current } = this.#options.roster;
    invariant(current.gid !== null, 'founded', () => 'a change is planned before there is a list to change');
    if (ifMatch !== undefined && ifMatch !== current.version) {
      throw new PaxmeshError('precondition-failed', `the membership has version ${current.version}, not ${ifMatch}`);
    }
    const change = makes({ gid: current.gid, expects: current.version });
    const after = changedMembership(current, change, current.version + 1);
    if ('code' in after) throw new PaxmeshError(after.code, after.reason);
    return { current, change, after };
  }

  #objection(before: Membership, after: Membership): string | null {
    if (votersOf(after).length === votersOf(before).length) return null;
    return this.#options.roster.hasQuorum(after) ? null : TOO_FEW;
  }

  /** Is the newcomer there? Whoever answers to its name under its address, with the cluster's secret, is. */
  async #withGuest<T>(
    guest: PeerAddress,
    makes: (basis: Basis) => MembershipChange,
    options: ChangeOptions,
    work: (isThere: boolean) => Promise<T>,
  ): Promise<T> {
    const { roster, clock, invite } = this.#options;
    await this.#untilFounded(options.timeoutMs);
    // What is refused anyway is refused now, and nobody is asked for it.
    this.#planned(makes, options.ifMatch);
    if (memberOf(roster.current, guest.id) !== undefined) return work(roster.isLive(guest.id));
    const dismiss = invite(guest);
    try {
      const until: Millis = clock.now() + reachMs(options);
      while (!roster.isLive(guest.id) && clock.now() < until) {
        await pause(clock, LOOK_MS);
      }
      return await work(roster.isLive(guest.id));
    } finally {
      dismiss();
    }
  }
}
