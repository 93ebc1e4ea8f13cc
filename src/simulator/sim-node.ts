// A node through its lives: the production PaxosNode over a simulated clock, network and disk. A crash forgets everything
// but the disk; what the dead process had under way never comes back.
import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import type { GroupFace } from '../engine/face.js';
import { PaxosNode } from '../engine/paxos-node.js';
import type { PeerAddress } from '../engine/ports.js';
import type { Pumped } from '../engine/pump.js';
import type { StateMachine } from '../machines/machine.js';
import { MemoryStore } from '../store/memory-store.js';
import { alarming, THROWN } from './alarming.js';
import type { LifeWitness } from './checkers/life-witness.js';
import { type LedgerHooks, LedgerMachine } from './ledger-machine.js';
import type { Plan } from './plan.js';
import { saveFaults } from './save-faults.js';
import { type Process, SimClock } from './sim-clock.js';
import type { SimDisk } from './sim-disk.js';
import type { SimNetwork } from './sim-network.js';
import type { SimTransport } from './sim-transport.js';
import { Violation } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

const SEEDS_MS = 250;
const SEEDS_MS_MAX = 5000;

export interface NodeHooks {
  readonly log: (who: NodeId, what: string) => void;
  readonly failed: (error: unknown) => void;
  readonly witness: (life: Life, store: StoreId) => LifeWitness;
  /** Fresh ones for a process, besides the ledger. */
  readonly machines: () => StateMachine[];
  /** Another node's checkpoint is in place. */
  readonly installed: (node: SimNode, life: Life, group: GroupId) => void;
  /** Reports what `look` finds, without a throw into the node's own code. */
  readonly guard: (look: () => void) => void;
}

/** One process. */
export interface Life extends Process {
  alive: boolean;
  pausedUntil: number;
  readonly number: number;
  readonly clock: SimClock;
  readonly store: MemoryStore;
  transport: SimTransport | null;
  node: PaxosNode | null;
  /** Took part at some time. */
  started: boolean;
  /** When it first wanted to save something after a newer process had opened its store. */
  wantedToSaveAt: number | null;
  /** It has seen that its store is another process' now. */
  readonly isFenced: () => boolean;
  /** Called when the process dies. */
  readonly mourners: Set<() => void>;
}

export class SimNode {
  readonly id: NodeId;
  readonly disk: SimDisk;
  life: Life | null = null;
  /** Processes whose store a newer one has opened. They must find out by themselves. */
  readonly elders = new Set<Life>();
  #lives = 0;
  #speed = 1;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #network: SimNetwork;
  readonly #founders: readonly PeerAddress[];
  readonly #groups: readonly GroupId[];
  readonly #hooks: NodeHooks;
  /** Never starts again. */
  retired = false;
  /** How often its disk was lost. */
  wipes = 0;
  /** How often a block of its checkpoints was spoilt. */
  rots = 0;
  /** Repaired: commits neither fail nor crash any more. */
  calm = false;

  constructor(
    id: NodeId,
    disk: SimDisk,
    time: VirtualTime,
    random: Random,
    plan: Plan,
    network: SimNetwork,
    founders: readonly PeerAddress[],
    groups: readonly GroupId[],
    hooks: NodeHooks,
  ) {
    this.id = id;
    this.disk = disk;
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#network = network;
    this.#founders = founders;
    this.#groups = groups;
    this.#hooks = hooks;
  }

  /** The running process, once it takes part. */
  get running(): Life | null {
    return this.life?.started ? this.life : null;
  }

  /** All processes that take part, or believe so. */
  get processes(): readonly Life[] {
    const { running, elders } = this;
    if (elders.size === 0) return running === null ? [] : [running];
    return running === null ? [...elders] : [running, ...elders];
  }

  get isFounder(): boolean {
    return this.#founders.some(({ id }) => id === this.id);
  }

  group(name: GroupId): GroupFace | null {
    return this.running?.node?.group(name) ?? null;
  }

  /** `bootMs`: how long after it has opened its store it can be reached. */
  start(bootMs = 0): void {
    if (this.life !== null || this.retired) return;
    const process = { alive: true, pausedUntil: 0 };
    const clock = new SimClock(this.#time, this.#random, process, this.#speed);
    const life: Life = Object.assign(process, {
      number: ++this.#lives,
      clock,
      store: new MemoryStore(
        this.disk,
        saveFaults(this, () => life, this.#plan, this.#random, this.#time),
      ),
      transport: null,
      node: null,
      started: false,
      wantedToSaveAt: null,
      isFenced: () => life.node?.ready().some(({ code }) => code === 'fenced') ?? false,
      mourners: new Set<() => void>(),
    });
    this.life = life;
    this.#hooks.log(this.id, `starts, life ${life.number}`);
    this.#begin(life, bootMs).catch((error: unknown) => {
      if (!life.alive) return;
      this.#hooks.log(this.id, `does not start: ${error}`);
      this.dies(life);
      const isFault = this.disk.unusable !== null || String(error).includes('simulated: ');
      if (!isFault) this.#hooks.failed(error);
      else this.#time.after(200, () => this.start());
    });
  }

  async #begin(life: Life, bootMs: number): Promise<void> {
    const { guard } = this.#hooks;
    const opening = await life.store.open();
    if (bootMs > 0) await new Promise<void>((resolve) => life.clock.schedule(bootMs, resolve));
    const witness = this.#hooks.witness(life, opening.identity);
    const transport = this.#network.transport({ id: this.id, store: opening.identity }, life.clock);
    life.transport = transport;
    const node = new PaxosNode({
      id: this.id,
      url: `http://${this.id}`,
      version: 'simulated',
      groups: this.#groups,
      members: this.isFounder ? this.#founders : [],
      leaseMs: this.#plan.leaseMs,
      timeoutMs: 1000,
      valueBytesMax: 64 * 1024,
      store: life.store,
      opening,
      transport,
      clock: life.clock,
      trace: ({ name, group, facts }) => {
        this.#hooks.log(this.id, `${group ?? ''} ${name} ${JSON.stringify(facts)}`);
        if (!life.alive || group === undefined) return;
        guard(() => witness.noted(group, name, facts));
        const wrong = alarming(name, facts, this.rots > 0);
        if (wrong !== null)
          this.#hooks.failed(new Violation(wrong, `${this.id} ${group} ${name}: ${JSON.stringify(facts)}`));
        if (name === 'installed') this.#hooks.installed(this, life, group);
      },
      keepInstancesMin: 1,
      machines: (group) => [new LedgerMachine(this.#ledgerHooks(life, witness, group)), ...this.#hooks.machines()],
      fatal: (error) => {
        if (life.alive) this.#hooks.failed(error);
      },
    });
    life.node = node;
    for (const name of this.#groups) {
      const group = node.pumped(name) as Pumped;
      const face = node.group(name) as GroupFace;
      const { chosen, dispatch } = group;
      group.dispatch = (now) => {
        const value = dispatch.call(group, now);
        if (value !== null) guard(() => witness.sealed(name, value));
        return value;
      };
      group.chosen = (entries, now) => {
        guard(() => witness.closing(name, entries));
        chosen.call(group, entries, now);
        guard(() => witness.closed(name, group, face));
      };
    }
    await node.start();
    if (!life.alive) return;
    life.started = true;
    if (!this.isFounder) this.#askSeeds(life, node);
    for (const name of this.#groups) {
      guard(() => witness.started(name, node.pumped(name) as Pumped, node.group(name) as GroupFace));
    }
  }

  #ledgerHooks(life: Life, witness: LifeWitness, group: GroupId): LedgerHooks {
    const { guard, failed } = this.#hooks;
    const { ballast, machineSlow, machineThrows } = this.#plan;
    const strikes = (chance: number) => chance > 0 && !this.calm && this.#random.next() < chance;
    return {
      ballast,
      before: () => {
        if (strikes(machineSlow)) life.pausedUntil = this.#time.now + this.#random.between(1, 80);
        if (strikes(machineThrows)) throw new Error(THROWN);
      },
      executed: (order, context) => guard(() => witness.ledger(group, order, context)),
      restored: (calls) => guard(() => witness.restored(group, calls)),
      garbled: () =>
        failed(new Violation('same-state', `${this.id} ${group} reads a snapshot that was never captured`)),
    };
  }

  crash(): void {
    if (this.life !== null) this.dies(this.life);
  }

  dies(life: Life): void {
    if (!life.alive) return;
    const isElder = this.elders.delete(life);
    this.#hooks.log(this.id, isElder ? `life ${life.number} ends` : 'crashes');
    if (this.life === life) this.life = null;
    life.alive = false;
    life.store.crash();
    life.transport?.kill();
    if (life.transport !== null) this.#network.died(life.transport);
    for (const mourn of life.mourners) mourn();
  }

  /** A second process opens the store, and can be reached a little later; the first one goes on as if it were alone. */
  double(bootMs: number): Life | null {
    const elder = this.running;
    if (elder === null || this.elders.size > 0 || this.retired) return null;
    this.elders.add(elder);
    this.life = null;
    this.start(bootMs);
    return elder;
  }

  /** Dies, and loses everything on its disk. What starts again is a stranger with the node's name. */
  wipe(): void {
    for (const life of this.elders) this.dies(life);
    this.crash();
    this.#hooks.log(this.id, 'loses its disk');
    this.disk.wipe(`store-of-${this.id}-${++this.wipes}`);
  }

  /** As src/seeds.ts does it: keeps links with those it was told of until every group names this node. */
  #askSeeds(life: Life, node: PaxosNode): void {
    const isNamed = (name: GroupId) => {
      const { gid, members } = (node.group(name) as GroupFace).membersView();
      return gid !== null && members.some(({ id }) => id === this.id);
    };
    if (this.#groups.every(isNamed)) return;
    const guests = this.#founders.map((seed) => node.invite(seed));
    const look = (waitMs: number) => {
      life.clock.schedule(waitMs, () => {
        if (this.#groups.every(isNamed)) for (const dismiss of guests) dismiss();
        else look(Math.min(2 * waitMs, SEEDS_MS_MAX));
      });
    };
    look(SEEDS_MS);
  }

  pause(ms: number): void {
    if (this.life === null) return;
    this.life.pausedUntil = Math.max(this.life.pausedUntil, this.#time.now + ms);
    this.#hooks.log(this.id, `is stopped for ${ms.toFixed(0)} ms`);
  }

  drift(speed: number): void {
    this.#speed = speed;
    if (this.life !== null) this.life.clock.speed = speed;
  }
}
