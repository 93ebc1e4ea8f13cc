// One seed, one story: builds a cluster of production nodes on simulated time, network and disks, lets clients and faults
// loose on it, and checks every invariant after every step. The same seed and profile give the same run, byte for byte.

import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import type { Member, Membership } from '../core/membership.js';
import { Random } from '../core/random.js';
import { isHostMessage, type PeerMessage } from '../engine/peer-messages.js';
import { CallBook } from './checkers/call-book.js';
import type { MembershipRule } from './checkers/electorates.js';
import { type DiskView, GroupWitness } from './checkers/group-witness.js';
import { LifeWitness } from './checkers/life-witness.js';
import { LogModel, type LogWitness } from './checkers/log-model.js';
import { membersAfter } from './checkers/members-model.js';
import { churn } from './churn.js';
import { Clients, type Tally } from './clients.js';
import { describe, describeWrite } from './describe.js';
import { drawPlan } from './draw-plan.js';
import { Faults } from './faults.js';
import { heal, type Patient } from './healing.js';
import { Operators } from './operators.js';
import type { Plan, Profile, WholeProfile } from './plan.js';
import { Reader } from './readers.js';
import type { Report } from './report.js';
import { SimDisk } from './sim-disk.js';
import { SimNetwork } from './sim-network.js';
import { type Life, SimNode } from './sim-node.js';
import type { Frame } from './sim-transport.js';
import { RunTrace } from './trace.js';
import { demand, Violation } from './violation.js';
import { VirtualTime } from './virtual-time.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly profile: Profile;
  /** Keep so many lines of transcript; 0: none, which is much faster. */
  readonly lines?: number;
  /** What the wire makes of a frame, e.g. encodes and decodes it. Default: hands it over as it is. */
  readonly wire?: (frame: Frame) => Frame;
  /** Stop after so many events; a run that needs more is a failure of the simulation itself. */
  readonly stepsMax?: number;
}

type WholeOptions = SimulationOptions & { readonly profile: WholeProfile };

const STEPS_MAX = 400_000;
const NONE: Tally = { ok: 0, none: 0, unknown: 0, lost: 0 };

export async function simulate(options: SimulationOptions): Promise<Report> {
  const { seed, profile, lines = 0 } = options;
  if (profile !== 'membership-churn') return new Simulation({ ...options, profile }).run();
  return { seed, profile, calls: NONE, orders: NONE, changes: {}, ...(await churn(seed, lines)) };
}

class Simulation {
  readonly #options: WholeOptions;
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #time = new VirtualTime();
  readonly #trace: RunTrace;
  readonly #groups: GroupId[];
  readonly #witnesses = new Map<GroupId, LogWitness>();
  readonly #views = new Map<GroupId, Map<NodeId, DiskView>>();
  readonly #network: SimNetwork;
  readonly #nodes: SimNode[] = [];
  readonly #lives = new Map<object, { readonly life: Life; readonly node: SimNode; readonly witness: LifeWitness }>();
  readonly #book = new CallBook();
  readonly #clients: Clients;
  readonly #operators: Operators;
  readonly #changes: Record<string, number> = {};
  #failure: { invariant: string; detail: string } | null = null;

  constructor(options: WholeOptions) {
    this.#options = options;
    this.#random = new Random(Math.imul(options.seed + 1, 0x9e3779b1));
    this.#plan = drawPlan(options.profile, this.#random);
    this.#trace = new RunTrace(options.lines ?? 0);
    const ids = Array.from({ length: this.#plan.nodes + this.#plan.spares }, (_, place) => `n${place + 1}`);
    const peers = ids.slice(0, this.#plan.nodes).map((id) => ({ id, url: `http://${id}` }));
    const places = new Map(ids.map((id, place) => [id, place]));
    this.#groups = Array.from({ length: this.#plan.groups }, (_, place) => `g${place + 1}`);
    const members = peers.map(({ id, url }): Member => ({ id, url, role: 'voter', store: null }));
    const founding: Membership = { gid: null, version: -1, members };
    const rule: MembershipRule = (before, instance, value) => {
      return membersAfter(before, instance, value, (op) => {
        this.#changes[op] = (this.#changes[op] ?? 0) + 1;
      });
    };
    for (const group of this.#groups) {
      this.#witnesses.set(group, new GroupWitness(group, places, founding, rule, new LogModel(group, this.#book)));
      this.#views.set(group, new Map());
    }
    const wire = options.wire ?? ((frame) => frame);
    const time = this.#time;
    const random = this.#random;
    const log = (who: string, what: string) => this.#log(who, what);
    const failed = (error: unknown) => this.#failed(error);
    this.#network = new SimNetwork(time, random, this.#plan, ids, {
      says: (from, to, group, message) => this.#says(from, to, group, message),
      heard: (from, to, frame) => this.#heard(from, to, frame),
      wire,
    });
    for (const id of ids) {
      const disk = new SimDisk(id, this.#guarded(), (group, write) => {
        this.#trace.add(time.now);
        if (this.#trace.wantsLines) log(id, `${group} disk: ${describeWrite(write)}`);
      });
      const node = new SimNode(id, disk, time, random, this.#plan, this.#network, peers, this.#groups, {
        log,
        failed,
        witness: (life, store) => this.#born(node, life, store),
        guard: (work) => this.#guard(work),
      });
      this.#nodes.push(node);
      for (const group of this.#groups) this.#views.get(group)?.set(id, disk.view(group));
    }
    const hooks = { log, failed };
    this.#clients = new Clients(time, random, this.#plan, this.#nodes, this.#groups, this.#book, hooks);
    const witnesses = [...this.#witnesses.values()];
    this.#operators = new Operators(time, random, this.#plan, this.#nodes, witnesses, hooks);
  }

  async run(): Promise<Report> {
    const { durationMs, heals, followers } = this.#plan;
    try {
      for (const node of this.#nodes) this.#time.after(this.#random.between(0, 30), () => node.start());
      for (let place = 0; place < followers; place++) this.#follow();
      this.#clients.start();
      this.#operators.start();
      this.#faults().start();
      await this.#until(durationMs);
      if (heals && this.#failure === null) await heal(this.#patient());
      if (this.#failure === null) {
        this.#operators.mustBeHonest();
        const wiped = this.#nodes.filter(({ wipes }) => wipes > 0).length;
        for (const [group, witness] of this.#witnesses) witness.kept(this.#disks(group), wiped);
      }
    } catch (error) {
      this.#failed(error);
    }
    const { seed, profile } = this.#options;
    let chosen = 0;
    for (const witness of this.#witnesses.values()) chosen += witness.chosen.length;
    return {
      seed,
      profile,
      plan: this.#plan,
      sum: this.#trace.sum,
      steps: this.#time.steps,
      virtualMs: this.#time.now,
      chosen,
      calls: this.#clients.tally,
      orders: this.#operators.tally,
      changes: this.#changes,
      failure: this.#failure,
      lines: this.#trace.lines,
    };
  }

  #faults(): Faults {
    const witnesses = [...this.#witnesses.values()];
    const guard = (look: () => void) => this.#guard(look);
    return new Faults(
      this.#time,
      this.#random,
      this.#plan,
      this.#network,
      this.#nodes,
      witnesses,
      this.#operators,
      guard,
    );
  }

  #patient(): Patient {
    return {
      plan: this.#plan,
      random: this.#random,
      nodes: this.#nodes,
      groups: this.#groups,
      witnesses: this.#witnesses,
      network: this.#network,
      clients: this.#clients,
      operators: this.#operators,
      log: (who, what) => this.#log(who, what),
      failed: (error) => this.#failed(error),
      now: () => this.#time.now,
      until: async (time) => {
        await this.#until(time);
        return this.#failure === null;
      },
    };
  }

  #until(time: number): Promise<void> {
    return this.#time.run(time, () => {
      this.#afterStep();
      return this.#failure === null;
    });
  }

  #afterStep(): void {
    const stepsMax = this.#options.stepsMax ?? STEPS_MAX;
    if (this.#time.steps > stepsMax) this.#failed(new Violation('bounded', `more than ${stepsMax} events`));
    const { actor } = this.#time;
    if (actor === null) return;
    const stepped = this.#lives.get(actor);
    if (stepped === undefined || !stepped.node.processes.includes(stepped.life)) return;
    const { life, node, witness } = stepped;
    this.#guard(() => {
      for (const group of this.#groups) {
        const face = life.node?.group(group);
        if (face === undefined || !witness.becameMaster(group, face)) continue;
        for (const other of this.#nodes) {
          for (const { node: rival } of other.processes) {
            if (rival === life.node) continue;
            demand(rival?.group(group)?.masterView().self !== true, 'one-master', () => {
              return `${group}: ${node.id} begins to hold the lease while ${other.id} does`;
            });
          }
        }
      }
    });
  }

  #born(node: SimNode, life: Life, store: StoreId): LifeWitness {
    const witness = new LifeWitness(node.id, store, this.#witnesses, () => this.#time.now);
    this.#lives.set(life, { life, node, witness });
    return witness;
  }

  #follow(): void {
    const group = this.#groups[this.#random.below(this.#groups.length)];
    const witness = group === undefined ? undefined : this.#witnesses.get(group);
    if (witness === undefined) return;
    new Reader(this.#time, this.#random, this.#nodes, witness).run().catch((error: unknown) => this.#failed(error));
  }

  #says(from: NodeId, to: NodeId, group: GroupId, message: PeerMessage): void {
    this.#trace.add(this.#time.now);
    this.#trace.addText(message.type);
    if ('instance' in message) this.#trace.add(message.instance);
    if ('ballot' in message) this.#trace.add(message.ballot.round);
    if (this.#trace.wantsLines) this.#log(from, `${group} -> ${to}: ${describe(message)}`);
    if (isHostMessage(message)) return;
    const disk = this.#views.get(group)?.get(from);
    if (disk !== undefined) this.#guard(() => this.#witnesses.get(group)?.says(from, message, disk));
  }

  #heard(from: NodeId, to: NodeId, frame: Frame): void {
    this.#trace.add(this.#time.now);
    if (!this.#trace.wantsLines) return;
    for (const { group, message } of frame) this.#log(to, `${group} <- ${from}: ${describe(message)}`);
  }

  /** Witnesses that report by themselves, for places where a throw would be taken for something else. */
  #guarded(): (group: GroupId, work: (witness: LogWitness) => void) => void {
    return (group, work) => {
      const witness = this.#witnesses.get(group);
      if (witness !== undefined) this.#guard(() => work(witness));
    };
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#failure !== null) return;
    const named = error instanceof Violation || error instanceof InvariantBroken;
    const invariant = named ? error.invariant : 'no-surprises';
    const detail = named || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
    this.#failure = { invariant, detail };
    this.#log('', `FAILED ${detail}`);
  }

  #disks(group: GroupId): ReadonlyMap<NodeId, DiskView> {
    return this.#views.get(group) ?? new Map();
  }

  #log(who: string, what: string): void {
    this.#trace.line(this.#time.now, who, what);
  }
}
