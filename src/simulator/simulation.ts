// One seed, one story: builds a cluster of production nodes on simulated time, network and disks, lets clients and faults
// loose on it, and checks every invariant after every step. The same seed and profile give the same run, byte for byte.

import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import type { Member, Membership } from '../core/membership.js';
import { Random } from '../core/random.js';
import type { ReadMode } from '../engine/face.js';
import { isHostMessage, type PeerMessage } from '../engine/ports.js';
import type { StateMachine } from '../machines/machine.js';
import { CallBook } from './checkers/call-book.js';
import type { MembershipRule } from './checkers/electorates.js';
import { type DiskView, GroupWitness } from './checkers/group-witness.js';
import { LifeWitness } from './checkers/life-witness.js';
import { Loans } from './checkers/loans.js';
import { LogModel, type LogWitness } from './checkers/log-model.js';
import { membersAfter } from './checkers/members-model.js';
import { Outcomes } from './checkers/outcomes.js';
import { ReadBook } from './checkers/read-book.js';
import { churn } from './churn.js';
import { Clients, type Tally } from './clients.js';
import { describe, describeWrite } from './describe.js';
import { drawPlan } from './draw-plan.js';
import { Faults } from './faults.js';
import { garbledWire } from './garbled-wire.js';
import { heal, type Patient } from './healing.js';
import { Operators } from './operators.js';
import type { Plan, Profile, WholeProfile } from './plan.js';
import { Reader } from './readers.js';
import type { Report } from './report.js';
import { SimDisk } from './sim-disk.js';
import { SimNetwork } from './sim-network.js';
import { type Life, SimNode } from './sim-node.js';
import type { Frame } from './sim-transport.js';
import { StateClients } from './state-clients.js';
import { RunTrace } from './trace.js';
import { demand, Violation } from './violation.js';
import { VirtualTime } from './virtual-time.js';
import { type SeeApplied, watched } from './watched-machine.js';
import type { Workload } from './workload.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly profile: Profile;
  /** Keep so many lines of transcript; 0: none, which is much faster. */
  readonly lines?: number;
  /** What the wire makes of a frame, e.g. encodes and decodes it. Default: hands it over as it is. */
  readonly wire?: (frame: Frame) => Frame;
  /** Somebody's own machine and commands, instead of the profile's. */
  readonly workload?: Workload;
  /** Stop after so many events; a run that needs more is a failure of the simulation itself. */
  readonly stepsMax?: number;
}

type WholeOptions = SimulationOptions & { readonly profile: WholeProfile };

const STEPS_MAX = 400_000;
const NO_READS: Record<ReadMode, number> = { linearizable: 0, lease: 0, local: 0 };
const NONE: Tally = { ok: 0, none: 0, unknown: 0, lost: 0 };

export async function simulate(options: SimulationOptions): Promise<Report> {
  const { seed, profile, lines = 0 } = options;
  if (profile !== 'membership-churn') return new Simulation({ ...options, profile }).run();
  return {
    seed,
    profile,
    calls: NONE,
    orders: NONE,
    changes: {},
    reads: NO_READS,
    installs: 0,
    ...(await churn(seed, lines)),
  };
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
  readonly #loans = new Loans();
  readonly #outcomes = new Outcomes();
  readonly #state: StateClients;
  readonly #clients: Clients;
  readonly #operators: Operators;
  readonly #changes: Record<string, number> = {};
  #failure: { invariant: string; detail: string } | null = null;

  constructor(options: WholeOptions) {
    this.#options = options;
    this.#random = new Random(Math.imul(options.seed + 1, 0x9e3779b1));
    this.#plan = options.workload?.plan(this.#random) ?? drawPlan(options.profile, this.#random);
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
      this.#witnesses.set(group, new GroupWitness(group, places, founding, rule, new LogModel(group, this.#book, this.#outcomes)));
      this.#views.set(group, new Map());
    }
    const wire = garbledWire(options.wire ?? ((frame) => frame), this.#plan.blockGarbled, this.#random);
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
      const disk = new SimDisk(id, {
        witness: this.#guarded(),
        wrote: (group, write) => {
          this.#trace.add(time.now);
          if (this.#trace.wantsLines) log(id, `${group} disk: ${describeWrite(write)}`);
        },
        trims: (group, before) => {
          log(id, `${group} disk: trim below ${before}`);
          this.#guard(() => this.#loans.trims(id, group, before, time.now));
        },
      });
      const node = new SimNode(id, disk, time, random, this.#plan, this.#network, peers, this.#groups, {
        log,
        failed,
        witness: (life, store) => this.#born(node, life, store),
        machines: () => this.#machinesOf(id),
        installed: (at, life, group) => this.#state.installed(at, life, group),
        guard: (work) => this.#guard(work),
      });
      this.#nodes.push(node);
      for (const group of this.#groups) this.#views.get(group)?.set(id, disk.view(group));
    }
    const hooks = { log, failed };
    this.#clients = new Clients(time, random, this.#plan, this.#nodes, this.#groups, this.#book, hooks);
    const witnesses = [...this.#witnesses.values()];
    this.#state = new StateClients({
      time,
      random,
      plan: this.#plan,
      nodes: this.#nodes,
      books: new Map(witnesses.map((witness) => [witness.group, new ReadBook(witness, this.#book)])),
      calls: this.#book,
      clients: this.#clients,
      workload: options.workload ?? null,
      hooks,
    });
    this.#operators = new Operators(time, random, this.#plan, this.#nodes, witnesses, hooks);
  }

  async run(): Promise<Report> {
    const { durationMs, heals, followers } = this.#plan;
    try {
      for (const node of this.#nodes) this.#time.after(this.#random.between(0, 30), () => node.start());
      for (let place = 0; place < followers; place++) this.#follow();
      this.#clients.start();
      this.#operators.start();
      this.#state.start();
      this.#faults().start();
      await this.#until(durationMs);
      if (heals && this.#failure === null) await heal(this.#patient());
      if (this.#failure === null) {
        this.#operators.mustBeHonest();
        const lost = this.#nodes.filter(({ wipes, rots }) => wipes + rots > 0).length;
        for (const [group, witness] of this.#witnesses) witness.kept(this.#disks(group), lost);
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
      reads: this.#state.reads,
      installs: this.#state.installs,
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

  /** Besides the simulation's own. */
  #machinesOf(node: NodeId): StateMachine[] {
    const { workload } = this.#options;
    if (workload === undefined) return [];
    const applied: SeeApplied = (...seen) => this.#guard(() => this.#outcomes.applied(node, ...seen));
    return [watched(workload.machine(), applied)];
  }

  #born(node: SimNode, life: Life, store: StoreId): LifeWitness {
    const mayWait = this.#plan.keepInstances > 0;
    const witness = new LifeWitness(node.id, store, this.#witnesses, () => this.#time.now, mayWait);
    this.#loans.forgotten(node.id);
    this.#lives.set(life, { life, node, witness });
    return witness;
  }

  #follow(): void {
    const group = this.#groups[this.#random.below(this.#groups.length)];
    const witness = group === undefined ? undefined : this.#witnesses.get(group);
    if (witness === undefined) return;
    new Reader(this.#time, this.#random, this.#nodes, witness, this.#plan.keepInstances > 0)
      .run()
      .catch((error: unknown) => this.#failed(error));
  }

  #says(from: NodeId, to: NodeId, group: GroupId, message: PeerMessage): void {
    this.#trace.add(this.#time.now);
    this.#trace.addText(message.type);
    if ('instance' in message) this.#trace.add(message.instance);
    if ('ballot' in message) this.#trace.add(message.ballot.round);
    if (this.#trace.wantsLines) this.#log(from, `${group} -> ${to}: ${describe(message)}`);
    if (message.type === 'block') this.#loans.lent(from, to, group, message.instance, this.#time.now);
    if (message.type === 'position' && message.state !== null) {
      const { instance, sum } = message.state;
      this.#guard(() => this.#witnesses.get(group)?.sums(from, instance, sum));
    }
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
