// A scene: production nodes on virtual time and disks in memory, and a post between them that the script holds in its hand.
// It says who may be heard by whom, which process runs, and whose disk is lost. No chance is left but the nodes' own.
import { Random } from '../../src/core/random.js';
import type { GroupFace } from '../../src/engine/face.js';
import { PaxosNode } from '../../src/engine/paxos-node.js';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import type { PeerHello, Transport, TransportListener } from '../../src/engine/ports.js';
import type { InstanceView } from '../../src/engine/views.js';
import { SimClock } from '../../src/simulator/sim-clock.js';
import { VirtualTime } from '../../src/simulator/virtual-time.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';

export const GROUP = 'g';
/** Each message takes so long. */
const POST_MS = 0.5;

interface Actor {
  readonly self: PeerHello;
  readonly node: PaxosNode;
  readonly process: { alive: boolean; pausedUntil: number };
  listener: TransportListener | null;
}

export class Scene {
  readonly time = new VirtualTime();
  readonly #random = new Random(7);
  readonly #ids: readonly string[];
  readonly #leaseMs: number;
  readonly #disks = new Map<string, MemoryDisk>();
  readonly #actors = new Map<string, Actor>();
  passes: (from: string, to: string) => boolean = () => true;

  constructor(ids: readonly string[], leaseMs: number) {
    this.#ids = ids;
    this.#leaseMs = leaseMs;
    for (const id of ids) this.#disks.set(id, new MemoryDisk(`store-of-${id}`));
  }

  async start(id: string): Promise<void> {
    const store = new MemoryStore(this.#disks.get(id) as MemoryDisk);
    const opening = await store.open();
    const process = { alive: true, pausedUntil: 0 };
    const self = { id, store: opening.identity };
    const node = new PaxosNode({
      ...{ id, url: `http://${id}`, version: 'test', groups: [GROUP] },
      members: this.#ids.map((each) => ({ id: each, url: `http://${each}` })),
      ...{ leaseMs: this.#leaseMs, timeoutMs: 1000, valueBytesMax: 1024 },
      ...{ store, opening, transport: this.#post(self) },
      clock: new SimClock(this.time, this.#random, process, 1),
      trace: () => undefined,
      machines: () => [],
      fatal: (error) => {
        throw error;
      },
    });
    const actor: Actor = { self, node, process, listener: null };
    this.#actors.set(id, actor);
    await node.start();
  }

  /** The process ends; with it goes the disk. */
  lose(id: string): void {
    const actor = this.#actors.get(id);
    if (actor !== undefined) actor.process.alive = false;
    this.#actors.delete(id);
    this.#disks.get(id)?.wipe(`new-store-of-${id}`);
  }

  /** The links that `passes` allows come up. */
  meet(): void {
    for (const a of this.#actors.values()) {
      for (const b of this.#actors.values()) {
        if (a !== b && this.passes(a.self.id, b.self.id)) b.listener?.connected(a.self);
      }
    }
  }

  run(ms: number, goesOn: () => boolean = () => true): Promise<void> {
    return this.time.run(this.time.now + ms, goesOn);
  }

  group(id: string): GroupFace {
    return this.#actors.get(id)?.node.group(GROUP) as GroupFace;
  }

  /** The instance at which `text` was acknowledged, or the code of the refusal. */
  async propose(id: string, text: string, withinMs: number): Promise<number | string> {
    const bytes = Buffer.from(JSON.stringify(text));
    const asked = this.group(id).propose(
      { machine: 'log', encoding: 'json', bytes },
      { timeoutMs: withinMs, route: 'local' },
    );
    let answer: number | string | null = null;
    asked.then(
      ({ instanceId }) => {
        answer = instanceId;
      },
      ({ code }) => {
        answer = code;
      },
    );
    await this.run(withinMs + 1000, () => answer === null);
    return answer ?? 'no answer';
  }

  /** What a node holds at an instance: the texts, or null. */
  async at(id: string, instance: number): Promise<readonly unknown[] | null> {
    const shown = ({ values }: InstanceView) => values.map(({ valueJson }) => JSON.parse(valueJson) as unknown);
    return this.group(id)
      .instance(instance)
      .then(shown, () => null);
  }

  #post(self: PeerHello): Transport {
    const actorOf = (id: string) => this.#actors.get(id);
    return {
      listen: (listener) => {
        const actor = actorOf(self.id);
        if (actor !== undefined) actor.listener = listener;
      },
      setPeers: () => undefined,
      send: (to: string, group: string, message: PeerMessage) => {
        if (!this.passes(self.id, to)) return;
        this.time.after(POST_MS, () => actorOf(to)?.listener?.received(self, group, message));
      },
      flush: () => undefined,
      isConnected: (id) => actorOf(id) !== undefined,
      part: () => undefined,
      close: async () => undefined,
    };
  }
}
