// Membership churn: the production replicas alone, on simulated disks and wires, while the set of voters changes all the
// time, one voter after the other. Nothing of the engine takes part, so that a change of membership can be tried in every
// order with crashes, lost messages and rival proposers, at many thousands of instances a second. The witness is the same
// as in whole clusters. The same seed gives the same run.
import type { GroupId, NodeId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import { type Member, type Membership, type Role, votersOf } from '../core/membership.js';
import type { Message } from '../core/message.js';
import { Random } from '../core/random.js';
import { type DiskView, GroupWitness } from './checkers/group-witness.js';
import { type ChangeOrder, changeOf, membersAfter, packOrder } from './churn-rule.js';
import { CoreNode } from './core-node.js';
import { describe, describeWrite } from './describe.js';
import { RunTrace } from './trace.js';
import { demand, Violation } from './violation.js';
import { VirtualTime } from './virtual-time.js';

export interface ChurnPlan {
  readonly durationMs: number;
  readonly delayMs: number;
  readonly loss: number;
  readonly doubles: number;
  readonly lateness: number;
  readonly saveMs: number;
  readonly crashInSave: number;
  readonly crashEveryMs: number;
  readonly cutEveryMs: number;
  readonly thinkMs: number;
  /** Share of proposals that change the membership. */
  readonly changes: number;
  /** A change may put one voter in the place of another: the quorums before and after need not meet. */
  readonly leaps: boolean;
}

export interface ChurnReport {
  readonly plan: ChurnPlan;
  readonly sum: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly chosen: number;
  readonly failure: { readonly invariant: string; readonly detail: string } | null;
  readonly lines: readonly string[];
}

const GROUP: GroupId = 'g1';
const NODES = 5;
const STEPS_MAX = 200_000;
/** After everything is repaired: so long until all have to be level. */
const LEVEL_MS = 6000;

export async function churn(seed: number, lines: number): Promise<ChurnReport> {
  return new Churn(seed, lines).run();
}

class Churn {
  readonly #time = new VirtualTime();
  readonly #random: Random;
  readonly #plan: ChurnPlan;
  readonly #trace: RunTrace;
  readonly #nodes: CoreNode[];
  readonly #witness: GroupWitness<{ push(): void }>;
  readonly #views = new Map<NodeId, DiskView>();
  /** Nodes that hear and are heard by nobody, until a time. */
  readonly #cut = new Map<NodeId, number>();
  #calm = false;
  #failure: { invariant: string; detail: string } | null = null;

  constructor(seed: number, lines: number) {
    this.#random = new Random(Math.imul(seed + 1, 0x9e3779b1));
    this.#plan = drawChurn(this.#random);
    this.#trace = new RunTrace(lines);
    const ids = Array.from({ length: NODES }, (_, place) => `n${place + 1}`);
    const members = ids.map(
      (id, place): Member => ({
        id,
        url: `http://${id}`,
        role: place < 3 ? 'voter' : 'observer',
        store: `store-of-${id}`,
      }),
    );
    const founding: Membership = { gid: 'churn', version: -1, members };
    const places = new Map(ids.map((id, place) => [id, place]));
    this.#witness = new GroupWitness(
      GROUP,
      places,
      founding,
      membersAfter,
      { push: () => undefined },
      this.#plan.leaps,
    );
    this.#nodes = ids.map((id) => {
      const node = new CoreNode(id, founding, membersAfter, this.#random, this.#time, {
        send: (to, message) => this.#send(node, to, message),
        writes: (write) => {
          this.#trace.add(this.#time.now);
          if (this.#trace.wantsLines) this.#log(id, `disk: ${describeWrite(write)}`);
          this.#guard(() => this.#witness.writes(id, write, node.disk));
        },
        closes: (entry) => {
          this.#guard(() => {
            this.#witness.closes(id, entry);
            const { replica } = node;
            if (replica === null) return;
            this.#witness.electorates.uses(() => `${id} ${GROUP}`, replica.open, replica.membership);
          });
        },
        saveMs: () => (this.#calm ? 0.2 : this.#plan.saveMs * this.#random.between(0.5, 1.5)),
        crashesInSave: () => !this.#calm && this.#random.next() < this.#plan.crashInSave,
        crashed: () => this.#crash(node),
        failed: (error) => this.#failed(error),
      });
      this.#views.set(id, node.disk);
      return node;
    });
  }

  async run(): Promise<ChurnReport> {
    const { durationMs, crashEveryMs, cutEveryMs, thinkMs } = this.#plan;
    const random = this.#random;
    try {
      for (const node of this.#nodes) this.#start(node);
      this.#every(thinkMs, () => this.#propose());
      this.#every(crashEveryMs, () => this.#crash(this.#node()));
      this.#every(cutEveryMs, () => this.#isolate(this.#node().id, random.between(20, 600)));
      await this.#until(durationMs);
      this.#calm = true;
      this.#cut.clear();
      for (const node of this.#nodes) this.#start(node);
      this.#meet();
      await this.#until(durationMs + LEVEL_MS);
      if (this.#failure === null) this.#mustBeLevel();
    } catch (error) {
      this.#failed(error);
    }
    return {
      plan: this.#plan,
      sum: this.#trace.sum,
      steps: this.#time.steps,
      virtualMs: this.#time.now,
      chosen: this.#witness.chosen.length,
      failure: this.#failure,
      lines: this.#trace.lines,
    };
  }

  #mustBeLevel(): void {
    const due = this.#witness.chosen.length;
    for (const { id, replica } of this.#nodes) {
      demand(replica !== null && replica.open === due, 'progress', () => {
        return `${id} stands at ${replica?.open} of ${due} ${LEVEL_MS} ms after everything was repaired`;
      });
    }
    this.#witness.kept(this.#views, 0);
  }

  #propose(): void {
    const node = this.#node();
    if (node.replica?.wantsValue !== true) return;
    // What was outbid is proposed again, as callers' commands are: its membership may have gone by.
    const again = this.#random.next() < 0.5 ? node.takeOutbid() : null;
    node.propose(
      again ?? packOrder(this.#random.next() < this.#plan.changes ? this.#change(node.replica.membership) : null),
    );
  }

  /** One voter more or one less, or another one, worked out from the membership the proposer knows. */
  #change(membership: Membership): ChangeOrder {
    const voters = votersOf(membership).length;
    const swaps = this.#plan.leaps && voters < NODES && this.#random.next() < 0.7;
    const adds = voters <= 2 || (voters < NODES && this.#random.below(2) === 0);
    const roles = new Map<NodeId, Role>();
    for (const given of swaps ? [true, false] : [adds]) {
      const candidates = membership.members.filter(({ role }) => (role === 'voter') !== given);
      const { id } = candidates[this.#random.below(candidates.length)] as Member;
      roles.set(id, given ? 'voter' : 'observer');
    }
    return changeOf(membership, roles);
  }

  #send(from: CoreNode, to: NodeId, message: Message): void {
    this.#trace.add(this.#time.now);
    this.#trace.addText(message.type);
    if ('instance' in message) this.#trace.add(message.instance);
    if ('ballot' in message) this.#trace.add(message.ballot.round);
    if (this.#trace.wantsLines) this.#log(from.id, `-> ${to}: ${describe(message)}`);
    this.#guard(() => this.#witness.says(from.id, message, from.disk));
    const receiver = this.#nodes.find(({ id }) => id === to);
    if (receiver === undefined || this.#isCut(from.id) || this.#isCut(to)) return;
    const { loss, doubles, lateness, delayMs } = this.#plan;
    const random = this.#random;
    if (!this.#calm && random.next() < loss) return;
    const copies = !this.#calm && random.next() < doubles ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = !this.#calm && random.next() < lateness ? random.between(5, 400) : 0;
      const delay = delayMs * (0.2 - Math.log(1 - random.next())) + late;
      this.#time.after(delay, () => receiver.receive(from.id, from.disk.identity, message));
    }
  }

  #crash(node: CoreNode): void {
    if (node.replica === null) return;
    this.#log(node.id, 'crashes');
    node.crash();
    this.#time.after(this.#random.between(2, 400), () => this.#start(node));
  }

  #start(node: CoreNode): void {
    if (node.replica !== null) return;
    this.#log(node.id, 'starts');
    node.start();
    for (const other of this.#nodes) {
      if (other === node) continue;
      node.connected(other.id);
      other.connected(node.id);
    }
  }

  #isolate(node: NodeId, forMs: number): void {
    this.#log(node, `is cut off for ${forMs.toFixed(0)} ms`);
    this.#cut.set(node, Math.max(this.#cut.get(node) ?? 0, this.#time.now + forMs));
    this.#time.after(forMs + 1, () => this.#meet());
  }

  #isCut(node: NodeId): boolean {
    return (this.#cut.get(node) ?? 0) > this.#time.now;
  }

  #meet(): void {
    for (const node of this.#nodes) for (const other of this.#nodes) if (other !== node) node.connected(other.id);
  }

  #node(): CoreNode {
    return this.#nodes[this.#random.below(NODES)] as CoreNode;
  }

  #every(meanMs: number, strike: () => void): void {
    if (meanMs === 0) return;
    this.#time.after(-Math.log(1 - this.#random.next()) * meanMs, () => {
      if (this.#time.now >= this.#plan.durationMs) return;
      strike();
      this.#every(meanMs, strike);
    });
  }

  #until(time: number): Promise<void> {
    return this.#time.run(time, () => {
      if (this.#time.steps > STEPS_MAX) this.#failed(new Violation('bounded', `more than ${STEPS_MAX} events`));
      return this.#failure === null;
    });
  }

  #guard(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#failure !== null) return;
    const named = error instanceof Violation || error instanceof InvariantBroken;
    const detail = named || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
    this.#failure = { invariant: named ? error.invariant : 'no-surprises', detail };
    this.#log('', `FAILED ${detail}`);
  }

  #log(who: string, what: string): void {
    this.#trace.line(this.#time.now, who, what);
  }
}

function drawChurn(random: Random): ChurnPlan {
  const maybe = (chance: number, low: number, high: number) => {
    const value = random.between(low, high);
    return random.next() < chance ? value : 0;
  };
  return {
    durationMs: random.between(800, 2500),
    delayMs: random.between(0.3, 5),
    loss: maybe(0.8, 0.01, 0.3),
    doubles: maybe(0.4, 0.01, 0.2),
    lateness: maybe(0.5, 0.01, 0.15),
    saveMs: random.between(0.2, 3),
    crashInSave: maybe(0.5, 0.002, 0.02),
    crashEveryMs: maybe(0.6, 80, 600),
    cutEveryMs: maybe(0.8, 60, 400),
    thinkMs: random.between(2, 15),
    changes: random.between(0.1, 0.8),
    leaps: random.next() < 0.6,
  };
}
