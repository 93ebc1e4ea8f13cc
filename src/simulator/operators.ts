// The operators of a simulated cluster: they order changes of the members and of the lease at any node, as the routes hand
// them over, and hold each answer against what the log says. One rule they keep: nobody takes a vote away in the moments
// after a disk was lost, nor loses a disk while a vote is on the move (`isSettled`), because no protocol can bear both.
// Invariants: one-membership, honest-outcome, progress (an order is answered).
import type { GroupId, NodeId } from '../core/ids.js';
import { type Member, votersOf } from '../core/membership.js';
import type { Random } from '../core/random.js';
import { PaxmeshError } from '../engine/errors.js';
import type { ChangeOptions, GroupFace } from '../engine/face.js';
import type { MasterView, MembersView } from '../engine/views.js';
import type { LogWitness } from './checkers/log-model.js';
import type { ClientHooks, Tally } from './clients.js';
import type { Plan } from './plan.js';
import type { SimNode } from './sim-node.js';
import { demand } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

export const LEASE_MS_MAX = 4000;

/** One order, and the address it would list; each has an address of its own, by which it is known again. */
interface Draft {
  readonly what: string;
  readonly url: string | null;
  readonly give: (face: GroupFace, options: ChangeOptions) => Promise<MembersView>;
}

export class Operators {
  readonly tally: Tally = { ok: 0, none: 0, unknown: 0, lost: 0 };
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #nodes: readonly SimNode[];
  readonly #witnesses: readonly LogWitness[];
  readonly #hooks: ClientHooks;
  /** Addresses of orders that were said to have done nothing. */
  readonly #never = new Set<string>();
  /** Newest membership that an order with an unknown end may have been computed from. */
  readonly #maybe = new Map<GroupId, number>();
  #open = 0;
  #urls = 0;

  constructor(
    time: VirtualTime,
    random: Random,
    plan: Plan,
    nodes: readonly SimNode[],
    witnesses: readonly LogWitness[],
    hooks: ClientHooks,
  ) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#nodes = nodes;
    this.#witnesses = witnesses;
    this.#hooks = hooks;
  }

  start(): void {
    this.#every(this.#plan.membersEveryMs, () => this.#orderMembers());
    this.#every(this.#plan.masterEveryMs, () => this.#orderMaster());
  }

  /** No change of the members is under way, and none that was given up can still happen. */
  isSettled({ group, electorates }: LogWitness): boolean {
    const { version, members } = electorates.last.membership;
    const hasChore = ({ candidate, replaces, role, store }: Member) => {
      return candidate || replaces !== undefined || (role === 'voter' && store === null);
    };
    return this.#open === 0 && version > (this.#maybe.get(group) ?? -1) && !members.some(hasChore);
  }

  /** At the end of a run that heals. */
  mustBeAnswered(): void {
    demand(this.#open === 0, 'progress', () => `${this.#open} orders have no answer`);
    this.mustBeHonest();
  }

  /** What was said to have done nothing has done nothing. */
  mustBeHonest(): void {
    for (const { group, electorates } of this.#witnesses) {
      for (const { membership } of electorates.all) {
        const url = membership.members.find((member) => this.#never.has(member.url))?.url;
        demand(url === undefined, 'honest-outcome', () => {
          return `${group}: the order for ${url} was answered with outcome none; it made membership ${membership.version}`;
        });
      }
    }
  }

  #orderMembers(): void {
    const random = this.#random;
    const witness = this.#pick(this.#witnesses);
    const draft = this.#draft(witness);
    const node = this.#pick(this.#nodes);
    const { version } = witness.electorates.last.membership;
    const fixed = random.next() < 0.2 ? { ifMatch: random.next() < 0.8 ? version : random.below(20) } : {};
    // Forced, an order may cost the quorum until somebody comes back, but never for good.
    const force = random.next() < 0.1 && this.#wiped(witness).length === 0;
    const timeoutMs = Math.ceil(random.between(100, 1500));
    const life = node.running;
    const face = node.group(witness.group);
    if (draft === null || life === null || face === null) return;
    this.#hooks.log(node.id, `${witness.group}: order to ${draft.what}`);
    this.#open++;
    const ends = (look: () => void) => {
      // The caller's node may have died before.
      if (!life.mourners.delete(mourn)) return;
      this.#open--;
      this.#look(look);
    };
    const mourn = () => {
      this.#open--;
      this.tally.lost++;
      this.#mayBe(witness);
    };
    life.mourners.add(mourn);
    draft.give(face, { ...fixed, force, timeoutMs }).then(
      (view) => ends(() => this.#done(witness, draft, view)),
      (error: unknown) => ends(() => this.#refused(witness, draft, error)),
    );
  }

  #mayBe({ group, electorates }: LogWitness): void {
    this.#maybe.set(group, electorates.last.membership.version);
  }

  #done({ group, electorates }: LogWitness, { what }: Draft, view: MembersView): void {
    this.tally.ok++;
    this.#hooks.log('', `${group}: ${what}: done, membership ${view.version}`);
    const stands = electorates.all.some(({ membership: { gid, version, members } }) => {
      return gid === view.gid && version === view.version && members.length === view.members.length;
    });
    demand(stands, 'one-membership', () => `${group}: an order was answered with membership ${view.version}`);
  }

  #refused(witness: LogWitness, { what, url }: Draft, error: unknown): void {
    if (!(error instanceof PaxmeshError)) throw error;
    const { code, outcome, message } = error;
    this.#hooks.log('', `${witness.group}: ${what}: ${code}, outcome ${outcome}: ${message}`);
    demand(code !== 'internal', 'honest-outcome', () => `the order to ${what} ended in "internal": ${message}`);
    if (outcome === 'none') {
      this.tally.none++;
      if (url !== null) this.#never.add(url);
      this.mustBeHonest();
      return;
    }
    this.tally.unknown++;
    this.#mayBe(witness);
  }

  /** null: there is nobody to order about, or it is no time for it. */
  #draft(witness: LogWitness): Draft | null {
    const random = this.#random;
    const { members } = witness.electorates.last.membership;
    const strangers = this.#nodes.filter(({ id }) => members.every((member) => member.id !== id));
    const isSearch = random.next() < this.#plan.readmits;
    const kind = random.next();
    const role = (['voter', 'voter', 'voter', 'observer', 'learner'] as const)[random.below(5)] ?? 'voter';
    const { id } = this.#pick(members);
    const stranger = strangers[random.below(Math.max(1, strangers.length))];
    const wiped = this.#wiped(witness)[0]?.id;
    if (isSearch && wiped !== undefined) return readmission(wiped);
    if (!this.#isKnown(witness)) return null;
    const url = `http://${kind < 0.5 ? stranger?.id : id}/${++this.#urls}`;
    if (kind < 0.3) {
      if (stranger === undefined) return null;
      const member = { id: stranger.id, url, role };
      return { what: `add ${member.id} as ${role}`, url, give: (face, options) => face.addMember(member, options) };
    }
    if (kind < 0.5) {
      if (stranger === undefined) return null;
      const by = { id: stranger.id, url };
      return { what: `put ${by.id} for ${id}`, url, give: (face, options) => face.replaceMember(id, by, options) };
    }
    if (kind < 0.65)
      return { what: `remove ${id}`, url: null, give: (face, options) => face.removeMember(id, options) };
    if (kind < 0.8) {
      return {
        what: `make ${id} a ${role}`,
        url: null,
        give: (face, options) => face.updateMember(id, { role }, options),
      };
    }
    if (kind < 0.9)
      return { what: `move ${id}`, url, give: (face, options) => face.updateMember(id, { url }, options) };
    return readmission(wiped ?? id);
  }

  #wiped({ electorates }: LogWitness): readonly Member[] {
    const disks = new Map(this.#nodes.map(({ id, disk }) => [id, disk.identity]));
    return votersOf(electorates.last.membership).filter(({ id, store }) => store !== null && store !== disks.get(id));
  }

  /** Nobody counts on the vote of a disk that is gone, because its link still stands; nor lets one in that would be the next. */
  #isKnown(witness: LogWitness): boolean {
    const wiped = new Set(this.#wiped(witness).map(({ id }) => id));
    if (wiped.size === 0) return true;
    const believes = ({ running }: SimNode, { id, disk }: SimNode) => {
      const store = running?.transport?.storeOf(id) ?? null;
      return store !== null && store !== disk.identity;
    };
    if (this.#nodes.some((node) => this.#nodes.some((other) => believes(node, other)))) return false;
    return this.#nodes.every((node) => {
      const members = node.group(witness.group)?.membersView().members ?? [];
      return !members.some(({ id, live, needsReadmission }) => wiped.has(id) && live && !needsReadmission);
    });
  }

  #orderMaster(): void {
    const random = this.#random;
    const { group, electorates } = this.#pick(this.#witnesses);
    const face = this.#pick(this.#nodes).group(group);
    const heir = this.#pick(electorates.last.membership.members).id;
    const kind = random.next();
    const leaseMs = Math.ceil(
      random.next() < 0.5 ? random.between(1000, LEASE_MS_MAX) : random.below(2) === 0 ? 1000 : LEASE_MS_MAX,
    );
    if (face === null) return;
    if (kind < 0.3) this.#orderLease(group, 'release the lease', null, face.releaseMaster());
    else if (kind < 0.6) this.#orderLease(group, `hand the lease to ${heir}`, heir, face.transferMaster(heir));
    else if (kind < 0.9) this.#orderLease(group, `make the lease ${leaseMs} ms`, null, face.setLease(leaseMs));
    else this.#prefer(group, face, kind < 0.97 ? heir : null);
  }

  #prefer(group: GroupId, face: GroupFace, node: NodeId | null): void {
    const agreed = face.preferMaster(node).then(() => face.masterView());
    this.#orderLease(group, `prefer ${node}`, null, agreed);
  }

  #orderLease(group: GroupId, what: string, heir: NodeId | null, answer: Promise<MasterView>): void {
    this.#hooks.log('', `${group}: order to ${what}`);
    answer.then(
      ({ node, version }) => {
        this.tally.ok++;
        this.#hooks.log('', `${group}: ${what}: done, ${node} since ${version}`);
        this.#look(() => demand(heir === null || node === heir, 'honest-outcome', () => `${what}: ${node} has it`));
      },
      (error: unknown) => {
        if (!(error instanceof PaxmeshError) || error.code === 'internal') this.#hooks.failed(error);
        else if (error.outcome === 'none') this.tally.none++;
        else this.tally.unknown++;
      },
    );
  }

  #every(meanMs: number, strike: () => void): void {
    if (meanMs === 0) return;
    this.#time.after(-Math.log(1 - this.#random.next()) * meanMs, () => {
      if (this.#time.now >= this.#plan.durationMs) return;
      strike();
      this.#every(meanMs, strike);
    });
  }

  #look(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#hooks.failed(error);
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
}

function readmission(id: NodeId): Draft {
  return { what: `readmit ${id}`, url: null, give: (face, options) => face.readmitMember(id, options) };
}
