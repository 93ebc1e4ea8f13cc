// A node through its lives: the production PaxosNode over a simulated clock, network and disk. A crash forgets everything
// but the disk; what the dead process had under way never comes back.
import type { GroupId, NodeId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import type { GroupFace } from '../engine/face.js';
import { PaxosNode } from '../engine/paxos-node.js';
import type { PeerAddress } from '../engine/ports.js';
import type { Pumped } from '../engine/pump.js';
import { type MemoryFaults, MemoryStore } from '../store/memory-store.js';
import type { LifeWitness } from './checkers/life-witness.js';
import { LedgerMachine } from './ledger-machine.js';
import type { Plan } from './plan.js';
import { type Process, SimClock } from './sim-clock.js';
import type { SimDisk } from './sim-disk.js';
import type { SimNetwork } from './sim-network.js';
import type { SimTransport } from './sim-transport.js';
import { Violation } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

export interface NodeHooks {
  readonly log: (who: NodeId, what: string) => void;
  readonly failed: (error: unknown) => void;
  readonly witness: (life: Life) => LifeWitness;
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
  /** Called when the process dies. */
  readonly mourners: Set<() => void>;
}

export class SimNode {
  readonly id: NodeId;
  readonly disk: SimDisk;
  life: Life | null = null;
  #lives = 0;
  #speed = 1;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #network: SimNetwork;
  readonly #peers: readonly PeerAddress[];
  readonly #groups: readonly GroupId[];
  readonly #hooks: NodeHooks;
  /** Never starts again. */
  retired = false;
  /** How often its disk was lost. */
  wipes = 0;
  /** Repaired: commits neither fail nor crash any more. */
  calm = false;

  constructor(
    id: NodeId,
    disk: SimDisk,
    time: VirtualTime,
    random: Random,
    plan: Plan,
    network: SimNetwork,
    peers: readonly PeerAddress[],
    groups: readonly GroupId[],
    hooks: NodeHooks,
  ) {
    this.id = id;
    this.disk = disk;
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#network = network;
    this.#peers = peers;
    this.#groups = groups;
    this.#hooks = hooks;
  }

  /** The running process, once it takes part. */
  get running(): Life | null {
    return this.life?.started ? this.life : null;
  }

  group(name: GroupId): GroupFace | null {
    return this.running?.node?.group(name) ?? null;
  }

  start(): void {
    if (this.life !== null || this.retired) return;
    const process = { alive: true, pausedUntil: 0 };
    const clock = new SimClock(this.#time, this.#random, process, this.#speed);
    const life: Life = Object.assign(process, {
      number: ++this.#lives,
      clock,
      store: new MemoryStore(
        this.disk,
        this.#faults(() => life),
      ),
      transport: null,
      node: null,
      started: false,
      mourners: new Set<() => void>(),
    });
    this.life = life;
    this.#hooks.log(this.id, `starts, life ${life.number}`);
    this.#begin(life).catch((error: unknown) => {
      if (!life.alive) return;
      this.#hooks.log(this.id, `does not start: ${error}`);
      this.crash();
      if (this.disk.unusable === null) this.#hooks.failed(error);
      else this.#time.after(200, () => this.start());
    });
  }

  async #begin(life: Life): Promise<void> {
    const { guard } = this.#hooks;
    const opening = await life.store.open();
    const witness = this.#hooks.witness(life);
    const transport = this.#network.transport({ id: this.id, store: opening.identity }, life.clock);
    life.transport = transport;
    const node = new PaxosNode({
      id: this.id,
      url: `http://${this.id}`,
      version: 'simulated',
      groups: this.#groups,
      members: this.#peers,
      leaseMs: this.#plan.leaseMs,
      timeoutMs: 1000,
      valueBytesMax: 64 * 1024,
      store: life.store,
      opening,
      transport,
      clock: life.clock,
      trace: ({ name, group, facts }) => {
        this.#hooks.log(this.id, `${group ?? ''} ${name} ${JSON.stringify(facts)}`);
        // No disk rots here and no machine throws: a group that stops has come to another log, or broken its own.
        if (life.alive && (name === 'diverged' || name === 'halted')) {
          this.#hooks.failed(new Violation('same-state', `${this.id} ${group} ${name}: ${JSON.stringify(facts)}`));
        }
      },
      machines: (group) => [new LedgerMachine((order, context) => guard(() => witness.ledger(group, order, context)))],
      fatal: (error) => {
        if (life.alive) this.#hooks.failed(error);
      },
    });
    life.node = node;
    for (const name of this.#groups) {
      const group = node.pumped(name) as Pumped;
      const face = node.group(name) as GroupFace;
      const { chosen } = group;
      group.chosen = (entries, now) => {
        guard(() => witness.closing(name, entries));
        chosen.call(group, entries, now);
        guard(() => witness.closed(name, group, face));
      };
    }
    await node.start();
    if (!life.alive) return;
    life.started = true;
    for (const name of this.#groups) {
      guard(() => witness.started(name, node.pumped(name) as Pumped, node.group(name) as GroupFace));
    }
  }

  crash(): void {
    const { life } = this;
    if (life === null) return;
    this.#hooks.log(this.id, 'crashes');
    this.life = null;
    life.alive = false;
    life.store.crash();
    life.transport?.kill();
    this.#network.died(this.id);
    for (const mourn of life.mourners) mourn();
  }

  /** Dies, and loses everything on its disk. What starts again is a stranger with the node's name. */
  wipe(): void {
    this.crash();
    this.#hooks.log(this.id, 'loses its disk');
    this.disk.wipe(`store-of-${this.id}-${++this.wipes}`);
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

  #faults(lifeOf: () => Life): MemoryFaults {
    const plan = this.#plan;
    const random = this.#random;
    const strikes = (chance: number): boolean => chance > 0 && !this.calm && random.next() < chance;
    const wait = (ms: number): Promise<void> => new Promise((resolve) => lifeOf().clock.schedule(ms, resolve));
    const maybeCrash = async (chance: number): Promise<void> => {
      if (!strikes(chance)) return;
      this.crash();
      this.#time.after(random.between(5, 600), () => this.start());
      await new Promise<never>(() => undefined);
    };
    return {
      beforeDurable: async () => {
        await wait(plan.saveMs * random.between(0.5, 1.5) * this.disk.slowness);
        await maybeCrash(plan.crashBeforeSave);
        if (strikes(plan.saveFailsBefore)) throw new Error('simulated: nothing was written');
      },
      afterDurable: async () => {
        await maybeCrash(plan.crashAfterSave);
        if (random.next() < 0.3) await wait(plan.saveMs * random.next() * this.disk.slowness);
        if (strikes(plan.saveFailsAfter)) throw new Error('simulated: everything was written');
      },
    };
  }
}
