// Production nodes in one process, for the faults that show only when a node's parts work together: the nodes, their pump
// and the memory store are the real ones; time is virtual, and letters take half a millisecond unless told. The same calls
// give the same run. Links are quiet when all is well: leases are long, so that an idle cluster says nothing.
import type { NodeId } from '../../src/core/ids.js';
import { Random } from '../../src/core/random.js';
import type { Value } from '../../src/core/value.js';
import type { GroupFace } from '../../src/engine/face.js';
import { PaxosNode } from '../../src/engine/paxos-node.js';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import type { PeerHello, Transport, TransportListener } from '../../src/engine/ports.js';
import type { StateMachine } from '../../src/machines/machine.js';
import { VirtualTime } from '../../src/simulator/virtual-time.js';
import { MemoryDisk } from '../../src/store/memory-disk.js';
import { MemoryStore } from '../../src/store/memory-store.js';
import { VirtualClock } from './virtual-clock.js';

const GROUP = 'g';
const LETTER_MS = 0.5;
export const LEASE_MS = 60_000;
const PATIENCE_MS = 10_000;
const SLICE_MS = 10;
export const VALUE_BYTES_MAX = 64 * 1024;

export interface Said {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: PeerMessage;
}

export interface ClusterOptions {
  readonly nodes?: readonly NodeId[];
  readonly machines?: (node: NodeId) => readonly StateMachine[];
  readonly seed?: number;
  readonly leaseMs?: number;
  readonly valueBytesMax?: number;
  readonly restoreBytesMax?: number;
  /** Speed of a node's clock. */
  readonly speed?: (random: Random) => number;
  /** How long a letter is under way, and a save; letters of a link keep their order. */
  readonly letterMs?: (bytes: number, random: Random) => number;
  readonly saveMs?: (bytes: number, random: Random) => number;
}

interface Life {
  readonly node: PaxosNode;
  readonly end: End;
  readonly store: MemoryStore;
  readonly clock: VirtualClock;
}

export class Cluster {
  readonly time = new VirtualTime();
  /** Everything handed to the network, in order; what is lost later too. */
  readonly said: Said[] = [];
  /** Looks on while something is said. */
  onSaid: (said: Said) => void = () => {};
  /** What the network loses. */
  loses: (said: Said) => boolean = () => false;
  readonly #ids: readonly NodeId[];
  readonly #options: ClusterOptions;
  readonly #random: Random;
  readonly #disks = new Map<NodeId, MemoryDisk>();
  readonly #lives = new Map<NodeId, Life>();
  readonly #failing = new Map<NodeId, 'before' | 'after'>();
  readonly #swallowed = new Set<NodeId>();
  readonly #errors: unknown[] = [];
  /** By sender and receiver: when the last letter arrives. */
  readonly #arrivals = new Map<string, number>();

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ?? 1);
    this.#ids = options.nodes ?? ['a', 'b', 'c'];
    for (const id of this.#ids) this.#disks.set(id, new MemoryDisk(`store-of-${id}`));
  }

  /** Founded, level, and with a master. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    for (const id of cluster.#ids) await cluster.startNode(id);
    await cluster.until('a master is known everywhere and all are level', () => cluster.#isSettled());
    return cluster;
  }

  get master(): NodeId {
    const node = this.group(this.#ids[0] ?? '').masterView().node;
    if (node === null) throw new Error('there is no master');
    return node;
  }

  get ids(): readonly NodeId[] {
    return this.#ids;
  }

  /** All but the master, in order of their names. */
  get others(): readonly NodeId[] {
    return this.#ids.filter((id) => id !== this.master);
  }

  group(id: NodeId): GroupFace {
    const face = this.node(id).group(GROUP);
    if (face === undefined) throw new Error(`${id} has no such group`);
    return face;
  }

  disk(id: NodeId) {
    return this.#disks.get(id)?.groups.get(GROUP);
  }

  /** The store of a node that does not run, as an offline command opens it. To be closed before the node starts. */
  storeOf(id: NodeId): MemoryStore {
    const disk = this.#disks.get(id);
    if (disk === undefined || this.#lives.has(id)) throw new Error(`${id} is not there, or runs`);
    return new MemoryStore(disk);
  }

  /** A byte of each checkpoint of this node is not what was written. */
  flipBlocks(id: NodeId): void {
    const blocks = this.#disks.get(id)?.blocks;
    for (const name of blocks?.names(GROUP) ?? []) blocks?.flip(GROUP, name, 0);
  }

  /** A node that nobody's configuration names starts, and waits to be added. */
  async join(id: NodeId): Promise<void> {
    this.#disks.set(id, new MemoryDisk(`store-of-${id}`));
    await this.startNode(id);
  }

  /** Killed, and started again with an empty store. */
  async wipe(id: NodeId): Promise<void> {
    this.kill(id);
    this.#disks.set(id, new MemoryDisk(`new-store-of-${id}`));
    await this.startNode(id);
  }

  node(id: NodeId): PaxosNode {
    const node = this.#lives.get(id)?.node;
    if (node === undefined) throw new Error(`${id} does not run`);
    return node;
  }

  /** `founders`: whom its configuration names. */
  async startNode(id: NodeId, founders = this.#ids.includes(id) ? this.#ids : []): Promise<void> {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new Error(`there is no ${id}`);
    const { leaseMs = LEASE_MS, valueBytesMax = VALUE_BYTES_MAX, restoreBytesMax, speed, saveMs } = this.#options;
    const clock = new VirtualClock(this.time, this.#random, speed?.(this.#random));
    const store = new MemoryStore(disk, {
      beforeDurable: async (batch) => {
        await this.#maybeFail(id, 'before');
        if (saveMs === undefined) return;
        const ms = saveMs(bytesIn(batch.flatMap(({ writes }) => writes)), this.#random);
        await new Promise<void>((resolve) => this.time.after(ms, resolve));
      },
      afterDurable: () => this.#maybeFail(id, 'after'),
    });
    const opening = await store.open();
    const end = new End(this, { id, store: opening.identity });
    const members = founders.map((each) => ({ id: each, url: `http://${each}` }));
    const node = new PaxosNode({
      id,
      url: `http://${id}`,
      version: 'test',
      groups: [GROUP],
      members,
      leaseMs,
      timeoutMs: 1000,
      valueBytesMax,
      ...(restoreBytesMax === undefined ? {} : { restoreBytesMax }),
      store,
      opening,
      transport: end,
      clock,
      trace: () => {},
      machines: () => this.#options.machines?.(id) ?? [],
      fatal: (error) => this.#errors.push(error),
    });
    this.#lives.set(id, { node, end, store, clock });
    await node.start();
    for (const [other, life] of this.#lives) if (other !== id) this.#link(end, life.end);
  }

  /** Kill -9: nothing is flushed and nothing is said any more. */
  kill(id: NodeId): void {
    const life = this.#lives.get(id);
    if (life === undefined) return;
    this.#lives.delete(id);
    life.store.crash();
    life.node.close();
    for (const { end } of this.#lives.values()) end.down(life.end.self);
  }

  /** The event loop of this node has stood still for so long; what was due meanwhile has not run yet. */
  stoodStill(id: NodeId, ms: number): void {
    this.#lives.get(id)?.clock.stoodStill(ms);
  }

  /** The next commit of this node fails, with nothing or with all of it on disk. */
  failNextCommit(id: NodeId, when: 'before' | 'after'): void {
    this.#failing.set(id, when);
  }

  /** Links to this node look alive and carry nothing. */
  swallow(id: NodeId): void {
    this.#swallowed.add(id);
  }

  /** The links are made anew. */
  mend(id: NodeId): void {
    this.#swallowed.delete(id);
    const mended = this.#lives.get(id)?.end;
    if (mended === undefined) return;
    for (const { end } of this.#lives.values()) {
      if (end === mended) continue;
      end.down(mended.self);
      mended.down(end.self);
      this.#link(end, mended);
    }
  }

  async run(ms: number): Promise<void> {
    await this.time.run(this.time.now + ms, () => true);
    this.#check();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const end = this.time.now + PATIENCE_MS;
    while (!holds() && this.time.now < end) {
      await this.time.run(this.time.now + SLICE_MS, () => !holds());
      // Reading a stream takes more generations of promises than an event gives them.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#check();
    if (!holds()) throw new Error(`in vain: ${what}`);
  }

  /** Runs until all calls are answered. */
  async answers<T>(calls: readonly Promise<T>[]): Promise<PromiseSettledResult<T>[]> {
    let answers: PromiseSettledResult<T>[] | null = null;
    void Promise.allSettled(calls).then((all) => {
      answers = all;
    });
    await this.until('all calls are answered', () => answers !== null);
    return answers ?? [];
  }

  /** The same, for calls that have to succeed. */
  async results<T>(calls: readonly Promise<T>[]): Promise<T[]> {
    return (await this.answers(calls)).map((answer) => {
      if (answer.status === 'rejected') throw answer.reason;
      return answer.value;
    });
  }

  async result<T>(call: Promise<T>): Promise<T> {
    const [result] = await this.results([call]);
    return result as T;
  }

  // ------------------------------------------------------------------------------------ for the ends

  carry(from: PeerHello, to: NodeId, messages: readonly PeerMessage[], link: object): void {
    const carried = messages.filter((message) => {
      const said = { from: from.id, to, message };
      this.said.push(said);
      this.onSaid(said);
      return !this.loses(said);
    });
    if (this.#swallowed.has(from.id) || this.#swallowed.has(to)) return;
    const takes = this.#options.letterMs?.(bytesIn(carried), this.#random) ?? LETTER_MS;
    const pair = `${from.id} ${to}`;
    const at = Math.max(this.time.now + takes, this.#arrivals.get(pair) ?? 0);
    this.#arrivals.set(pair, at);
    this.time.at(at, () => this.#lives.get(to)?.end.deliver(from, carried, link));
  }

  #link(one: End, other: End): void {
    const link = {};
    this.time.after(LETTER_MS, () => {
      if (this.#lives.get(one.self.id)?.end !== one || this.#lives.get(other.self.id)?.end !== other) return;
      one.up(other.self, link);
      other.up(one.self, link);
    });
  }

  async #maybeFail(id: NodeId, when: 'before' | 'after'): Promise<void> {
    if (this.#failing.get(id) !== when) return;
    this.#failing.delete(id);
    throw new Error('the disk says no');
  }

  #isSettled(): boolean {
    const faces = this.#ids.map((id) => this.group(id));
    const last = Math.max(...faces.map(({ lastChosen }) => lastChosen));
    return faces.every((face) => face.masterView().node !== null && face.applied === last);
  }

  #check(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

/** Bytes of the values inside, which is what large letters and saves are made of. */
function bytesIn(things: readonly object[]): number {
  let bytes = 0;
  for (const thing of things) {
    if ('value' in thing) bytes += (thing.value as Value).bytes.length;
    if ('batch' in thing) bytes += (thing.batch as Uint8Array).length;
    if ('entries' in thing) bytes += bytesIn(thing.entries as readonly object[]);
  }
  return bytes;
}

/** One node's end of the network. */
class End implements Transport {
  readonly self: PeerHello;
  readonly #cluster: Cluster;
  readonly #links = new Map<NodeId, object>();
  readonly #outbox = new Map<NodeId, PeerMessage[]>();
  #listener: TransportListener | null = null;

  constructor(cluster: Cluster, self: PeerHello) {
    this.#cluster = cluster;
    this.self = self;
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  /** Everybody is linked with everybody who runs. */
  setPeers(): void {}

  send(to: NodeId, _group: string, message: PeerMessage): void {
    const box = this.#outbox.get(to) ?? [];
    box.push(message);
    this.#outbox.set(to, box);
  }

  flush(): void {
    for (const [to, messages] of this.#outbox) {
      const link = this.#links.get(to);
      if (link !== undefined) this.#cluster.carry(this.self, to, messages, link);
    }
    this.#outbox.clear();
  }

  part(peer: NodeId): void {
    throw new Error(`${peer} is taken for a member of another cluster`);
  }

  isConnected(peer: NodeId): boolean {
    return this.#links.has(peer);
  }

  async close(): Promise<void> {
    this.#links.clear();
  }

  up(peer: PeerHello, link: object): void {
    this.#links.set(peer.id, link);
    this.#listener?.connected(peer);
  }

  down(peer: PeerHello): void {
    if (this.#links.delete(peer.id)) this.#listener?.disconnected(peer);
  }

  deliver(from: PeerHello, messages: readonly PeerMessage[], link: object): void {
    if (this.#links.get(from.id) !== link) return;
    for (const message of messages) this.#listener?.received(from, GROUP, message);
  }
}
