// What befalls the cluster, at times and places drawn from the plan's rates.

import { memberOf } from '../core/membership.js';
import type { Random } from '../core/random.js';
import { bearsLossOf } from './bearable.js';
import type { LogWitness } from './checkers/log-model.js';
import type { Operators } from './operators.js';
import type { Plan } from './plan.js';
import type { SimNetwork } from './sim-network.js';
import type { Life, SimNode } from './sim-node.js';
import { demand } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

/** How long a process may take to see that its store was opened by another one, once it wants to save something. */
const FENCED_MS = 500;

export class Faults {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #network: SimNetwork;
  readonly #nodes: readonly SimNode[];
  readonly #witnesses: readonly LogWitness[];
  readonly #operators: Operators;
  readonly #guard: (look: () => void) => void;

  constructor(
    time: VirtualTime,
    random: Random,
    plan: Plan,
    network: SimNetwork,
    nodes: readonly SimNode[],
    witnesses: readonly LogWitness[],
    operators: Operators,
    guard: (look: () => void) => void,
  ) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#network = network;
    this.#nodes = nodes;
    this.#witnesses = witnesses;
    this.#operators = operators;
    this.#guard = guard;
  }

  start(): void {
    const plan = this.#plan;
    const random = this.#random;
    const network = this.#network;
    const between = (low: number, high: number) => random.between(low, high);
    const pair = () => random.below(network.pairCount);
    if (network.pairCount > 0) {
      this.#every(plan.cutEveryMs, () => network.cut(pair(), between(50, 1500)));
      this.#every(plan.oneWayEveryMs, () => network.swallow(pair(), random.below(2) === 0 ? 0 : 1, between(50, 1500)));
      this.#every(plan.flapEveryMs, () => network.flap(pair()));
      this.#every(plan.isolateEveryMs, () =>
        network.isolate(this.#node().id, between(200, 2500), random.below(2) === 0),
      );
    }
    this.#every(plan.muteEveryMs, () => network.mute(this.#node().id, between(2000, 3500)));
    this.#every(plan.deafEveryMs, () => network.deafen(this.#holder().id, between(2000, 3500)));
    this.#every(plan.crashEveryMs, () => this.#restart(this.#node(), between(5, 1500)));
    this.#every(plan.stormEveryMs, () => this.#storm(this.#node(), 2 + random.below(4)));
    this.#every(plan.restartAllEveryMs, () => {
      for (const node of this.#nodes) this.#restart(node, between(5, 300));
    });
    this.#every(plan.pauseEveryMs, () => {
      this.#node().pause(random.below(2) === 0 ? between(20, 400) : between(1, 1.8) * plan.leaseMs);
    });
    this.#every(plan.storeDownEveryMs, () => this.#storeDown(this.#node(), between(50, 1500)));
    this.#every(plan.slowDiskEveryMs, () => this.#slowDisk(this.#node(), between(5, 60), between(100, 1000)));
    this.#every(plan.driftEveryMs, () => {
      // Mostly as wrong as a clock may be: two that are wrong by half of it never show what the margin is for.
      const extreme = random.below(2) === 0 ? -plan.drift : plan.drift;
      this.#node().drift(1 + (random.next() < 0.7 ? extreme : between(-plan.drift, plan.drift)));
    });
    const wipe = plan.membersEveryMs > 0 ? this.#wipeAmongChanges : this.#wipe;
    this.#every(plan.wipeEveryMs, () => wipe.call(this, this.#node(), between(5, 800)));
    if (plan.rotEveryMs > 0) {
      const rotten = this.#node();
      this.#every(plan.rotEveryMs, () => this.#rot(rotten));
    }
    this.#every(plan.doubleEveryMs, () => this.#double(this.#node(), between(1, 400), between(500, 1500)));
    this.#every(plan.drainEveryMs, () => this.#drain(this.#node()));
  }

  #every(meanMs: number, strike: () => void): void {
    if (meanMs === 0) return;
    const next = () => {
      this.#time.after(-Math.log(1 - this.#random.next()) * meanMs, () => {
        if (this.#time.now >= this.#plan.durationMs) return;
        strike();
        next();
      });
    };
    next();
  }

  #node(): SimNode {
    return this.#nodes[this.#random.below(this.#nodes.length)] as SimNode;
  }

  /** Of the lease, or anybody. */
  #holder(): SimNode {
    const master = this.#witnesses[0]?.model.master;
    return this.#nodes.find(({ id }) => id === master) ?? this.#node();
  }

  #restart(node: SimNode, afterMs: number): void {
    node.crash();
    this.#time.after(afterMs, () => node.start());
  }

  /**
   * A disk is lost, if the cluster can bear it: a majority whose stores are listed has kept its own. A second one, or one
   * in a run that demands progress at the end, goes when all others know the founding: before, the guard of the founding
   * is made for one that forgets, and waits for it.
   */
  #wipe(node: SimNode, afterMs: number): void {
    if (node.wipes > 0) return;
    const mayBeEarly = !this.#plan.heals && this.#nodes.every(({ wipes }) => wipes === 0);
    for (const { group, electorates } of this.#witnesses) {
      const { membership, quorum } = electorates.last;
      const others = this.#nodes.filter(({ id, disk }) => memberOf(membership, id)?.store === disk.identity);
      if (others.filter((other) => other !== node).length < quorum) return;
      const intact = this.#nodes.filter((other) => other !== node && other.wipes === 0);
      if (!mayBeEarly && intact.some(({ disk }) => !disk.view(group).holds(1))) return;
    }
    node.wipe();
    this.#time.after(afterMs, () => node.start());
  }

  #wipeAmongChanges(node: SimNode, afterMs: number): void {
    const isBearable = (witness: LogWitness) => {
      return this.#operators.isSettled(witness) && bearsLossOf(node, witness, this.#nodes);
    };
    if (!this.#witnesses.every(isBearable)) return;
    node.wipe();
    this.#time.after(afterMs, () => node.start());
  }

  /** A second process; the first has so long to find out that its store is not its own any more. */
  #double(node: SimNode, bootMs: number, forMs: number): void {
    const elder = node.double(bootMs);
    if (elder === null) return;
    this.#time.after(forMs, () => {
      this.#guard(() => this.#mustBeFenced(node, elder));
      node.dies(elder);
    });
  }

  #mustBeFenced(node: SimNode, elder: Life): void {
    const { running } = node;
    demand(
      running === null || !running.isFenced(),
      'fenced',
      () => `${node.id} life ${running?.number} is fenced by an older one`,
    );
    if (!elder.alive || elder.wantedToSaveAt === null || this.#time.now < elder.pausedUntil + FENCED_MS) return;
    const isDue = this.#time.now - elder.wantedToSaveAt > FENCED_MS;
    demand(!isDue || elder.isFenced(), 'fenced', () => {
      return `${node.id} life ${elder.number} goes on though it cannot save: a newer process has the store`;
    });
  }

  /** A block of a checkpoint is not what it was, or is gone. Always of the same node: a minority may lose what it has. */
  #rot(node: SimNode): void {
    const { group } = this.#witnesses[this.#random.below(this.#witnesses.length)] as LogWitness;
    const { blocks } = node.disk;
    const names = blocks.names(group);
    const name = names[this.#random.below(Math.max(1, names.length))];
    if (name === undefined || this.#nodes.length < 3) return;
    const index = this.#random.below(3);
    if (this.#random.below(2) === 0) blocks.flip(group, name, index);
    else blocks.lose(group, name, index);
    node.rots++;
  }

  #storm(node: SimNode, times: number): void {
    this.#restart(node, this.#random.between(1, 50));
    if (times > 1) this.#time.after(this.#random.between(20, 250), () => this.#storm(node, times - 1));
  }

  #storeDown(node: SimNode, forMs: number): void {
    if (node.disk.unusable !== null) return;
    node.disk.unusable = 'simulated: the store is down';
    this.#time.after(forMs, () => {
      node.disk.unusable = null;
    });
  }

  #slowDisk(node: SimNode, times: number, forMs: number): void {
    node.disk.slowness = times;
    this.#time.after(forMs, () => {
      node.disk.slowness = 1;
    });
  }

  #drain(node: SimNode): void {
    const life = node.running;
    if (life?.node == null) return;
    const restartMs = this.#random.between(5, 500);
    const withinMs = this.#random.between(50, this.#plan.drainMs);
    if (this.#plan.deafDrains > 0 && this.#random.next() < this.#plan.deafDrains) {
      this.#network.deafen(node.id, withinMs);
    }
    void life.node.drain(withinMs).then(() => {
      if (node.life !== life) return;
      life.node?.close();
      this.#restart(node, restartMs);
    });
  }
}
