// One seed, one story: builds a cluster of production nodes on simulated time, network and disks, lets clients and faults
// loose on it, and checks every invariant after every step. The same seed and profile give the same run, byte for byte.
import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import { Random } from '../core/random.js';
import type { ReadMode } from '../engine/views.js';
import { CallBook } from './checkers/call-book.js';
import type { DiskView } from './checkers/group-witness.js';
import { LifeWitness } from './checkers/life-witness.js';
import { Loans } from './checkers/loans.js';
import type { LogWitness } from './checkers/log-model.js';
import { mustBeOnlyMaster } from './checkers/one-master.js';
import { Outcomes } from './checkers/outcomes.js';
import { ReadBook } from './checkers/read-book.js';
import { churn } from './churn.js';
import { Clients, type Tally } from './clients.js';
import { describeWrite } from './describe.js';
import { drawPlan } from './draw-plan.js';
import { Faults } from './faults.js';
import { garbledWire } from './garbled-wire.js';
import { heal, type Patient } from './healing.js';
import { keepingOf } from './keeping.js';
import { Operators } from './operators.js';
import { Overheard } from './overheard.js';
import type { Plan, WholeProfile } from './plan.js';
import { Reader } from './readers.js';
import type { Report } from './report.js';
import { SimDisk } from './sim-disk.js';
import { SimNetwork } from './sim-network.js';
import { type Life, SimNode } from './sim-node.js';
import type { SimulationOptions } from './simulation-options.js';
import { StateClients } from './state-clients.js';
import { RunTrace } from './trace.js';
import { Violation } from './violation.js';
import { VirtualTime } from './virtual-time.js';
import { watched } from './watched-machine.js';
import { witnessesOf } from './witnesses.js';

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
  readonly #witnesses: ReadonlyMap<GroupId, LogWitness>;
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
    this.#groups = Array.from({ length: this.#plan.groups }, (_, place) => `g${place + 1}`);
    this.#witnesses = witnessesOf({
      groups: this.#groups,
      nodes: ids,
      founders: peers,
      book: this.#book,
      outcomes: this.#outcomes,
      changed: (op) => {
        this.#changes[op] = (this.#changes[op] ?? 0) + 1;
      },
    });
    for (const group of this.#groups) this.#views.set(group, new Map());
    const wire = garbledWire(options.wire ?? ((frame) => frame), this.#plan.blockGarbled, this.#random);
    const time = this.#time;
    const overheard = new Overheard({
      time,
      trace: this.#trace,
      loans: this.#loans,
      witness: this.#guarded(),
      disk: (node, group) => this.#views.get(group)?.get(node),
    });
    const random = this.#random;
    const log = (who: string, what: string) => this.#log(who, what);
    const failed = (error: unknown) => this.#failed(error);
    this.#network = new SimNetwork(time, random, this.#plan, ids, {
      says: (from, to, group, message) => overheard.says(from, to, group, message),
      heard: (from, to, frame) => overheard.heard(from, to, frame),
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
        machines: () => {
          const { workload } = options;
          return workload === undefined
            ? []
            : [watched(workload.machine(), (...seen) => this.#guard(() => this.#outcomes.applied(id, ...seen)))];
        },
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
      new Faults(
        this.#time,
        this.#random,
        this.#plan,
        this.#network,
        this.#nodes,
        [...this.#witnesses.values()],
        this.#operators,
        (look) => this.#guard(look),
      ).start();
      await this.#until(durationMs);
      if (heals && this.#failure === null) await heal(this.#patient());
      if (this.#failure === null) {
        this.#operators.mustBeHonest();
        const lost = this.#nodes.filter(({ wipes, rots }) => wipes + rots > 0).length;
        for (const [group, witness] of this.#witnesses) witness.kept(this.#views.get(group) ?? new Map(), lost);
      }
    } catch (error) {
      this.#failed(error);
    }
    const { seed, profile } = this.#options;
    const chosen = [...this.#witnesses.values()].reduce((sum, witness) => sum + witness.chosen.length, 0);
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
        if (face === undefined) continue;
        witness.keeps(group, face, () => keepingOf(group, node, life, this.#loans, this.#time.now));
        if (witness.becameMaster(group, face)) mustBeOnlyMaster(group, node, life, this.#nodes);
      }
    });
  }

  #born(node: SimNode, life: Life, store: StoreId): LifeWitness {
    const now = () => this.#time.now;
    const witness = new LifeWitness(node.id, store, this.#witnesses, now, this.#plan.keepInstances > 0);
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

  #log(who: string, what: string): void {
    this.#trace.line(this.#time.now, who, what);
  }
}
