// The network between simulated nodes: one link per pair, with lives. Within a life order is kept and nothing doubles,
// as the Transport port promises, unless the plan is wild: then the core's own messages may do both, because Paxos must
// bear it. Links break, are noticed late, and are made again; one direction may swallow everything without a sign.
import type { GroupId, NodeId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import { isHostMessage, type PeerMessage } from '../engine/peer-messages.js';
import type { PeerHello } from '../engine/ports.js';
import type { Plan } from './plan.js';
import type { SimClock } from './sim-clock.js';
import { type Frame, SimTransport } from './sim-transport.js';
import type { VirtualTime } from './virtual-time.js';

/** One direction of a pair. */
interface Pipe {
  readonly from: NodeId;
  readonly to: NodeId;
  swallows: boolean;
  lastArrival: number;
  /** The newest frames of this life, to be heard again on the next. */
  recent: Frame[];
}

interface Pair {
  readonly pipes: readonly [Pipe, Pipe];
  life: number;
  up: boolean;
  /** Who made the link: it ends when that end wants it no more. The other end may only listen. */
  dialler: NodeId | null;
  /** No link can be made. */
  cut: boolean;
}

export interface NetworkHooks {
  /** A message is handed over by its sender. */
  readonly says: (from: NodeId, to: NodeId, group: GroupId, message: PeerMessage) => void;
  readonly heard: (from: NodeId, to: NodeId, frame: Frame) => void;
  /** What the wire makes of a frame. */
  readonly wire: (frame: Frame) => Frame;
}

const ECHOES = 3;

export class SimNetwork {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #hooks: NetworkHooks;
  readonly #pairs: Pair[] = [];
  readonly #byEnds = new Map<string, Pair>();
  readonly #ends = new Map<NodeId, SimTransport>();
  /** Forwards that were refused, by who had sent them and their number. */
  readonly #refused = new Set<string>();
  /** Repaired: nothing is lost, spiked or doubled any more. */
  calm = false;

  constructor(time: VirtualTime, random: Random, plan: Plan, nodes: readonly NodeId[], hooks: NetworkHooks) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#hooks = hooks;
    nodes.forEach((a, place) => {
      for (const b of nodes.slice(place + 1)) {
        const pipe = (from: NodeId, to: NodeId): Pipe => ({ from, to, swallows: false, lastArrival: 0, recent: [] });
        const pair: Pair = { pipes: [pipe(a, b), pipe(b, a)], life: 0, up: false, dialler: null, cut: false };
        this.#pairs.push(pair);
        this.#byEnds.set(`${a} ${b}`, pair);
        this.#byEnds.set(`${b} ${a}`, pair);
      }
    });
  }

  get pairCount(): number {
    return this.#pairs.length;
  }

  /** A process' end of the network. Of two processes with one name the newer has the links. */
  transport(self: PeerHello, clock: SimClock): SimTransport {
    const end = new SimTransport(this, self, clock);
    if (this.#ends.has(self.id)) this.#breakAll(self.id);
    this.#ends.set(self.id, end);
    return end;
  }

  /** The process behind this end is gone. Its peers notice later. */
  died(end: SimTransport): void {
    const { id } = end.self;
    if (this.#ends.get(id) !== end) return;
    this.#ends.delete(id);
    this.#breakAll(id);
  }

  wants(node: NodeId, peer: NodeId): void {
    this.#time.after(this.#random.between(0.5, 5), () => this.#connect(node, peer));
  }

  /** It can be reached from now on, also by those that it does not know. */
  listens(end: SimTransport): void {
    const { id } = end.self;
    for (const [peer, other] of this.#ends) if (other.wants(id) && !end.wants(peer)) this.wants(peer, id);
  }

  forgets(node: NodeId, peer: NodeId): void {
    const pair = this.#byEnds.get(`${node} ${peer}`);
    if (pair?.up && pair.dialler === node) this.#break(pair);
  }

  cut(place: number, forMs: number): void {
    const pair = this.#pairs[place];
    if (pair === undefined || pair.cut) return;
    pair.cut = true;
    if (pair.up) this.#break(pair);
    if (forMs === Number.POSITIVE_INFINITY) return;
    this.#time.after(forMs, () => {
      pair.cut = false;
      this.#connect(pair.pipes[0].from, pair.pipes[0].to);
    });
  }

  flap(place: number): void {
    const pair = this.#pairs[place];
    if (pair?.up) this.#break(pair);
  }

  swallow(place: number, direction: 0 | 1, forMs: number): void {
    const pipe = this.#pairs[place]?.pipes[direction];
    if (pipe === undefined || pipe.swallows) return;
    pipe.swallows = true;
    this.#time.after(forMs, () => {
      pipe.swallows = false;
    });
  }

  /** Cuts a node off: softly (links stay up and swallow) or hard. */
  isolate(node: NodeId, forMs: number, softly: boolean): void {
    this.#pairs.forEach((pair, place) => {
      if (!touches(pair, node)) return;
      if (!softly) this.cut(place, forMs);
      else for (const direction of [0, 1] as const) this.swallow(place, direction, forMs);
    });
  }

  /** What the node says is heard; it hears nothing. */
  deafen(node: NodeId, forMs: number): void {
    this.#pairs.forEach((pair, place) => {
      if (touches(pair, node)) this.swallow(place, pair.pipes[0].to === node ? 0 : 1, forMs);
    });
  }

  /** It hears, and nothing that it says is heard. */
  mute(node: NodeId, forMs: number): void {
    this.#pairs.forEach((pair, place) => {
      if (touches(pair, node)) this.swallow(place, pair.pipes[0].from === node ? 0 : 1, forMs);
    });
  }

  heal(): void {
    this.calm = true;
    for (const pair of this.#pairs) {
      pair.cut = false;
      for (const pipe of pair.pipes) pipe.swallows = false;
      this.#connect(pair.pipes[0].from, pair.pipes[0].to);
    }
  }

  says(from: NodeId, to: NodeId, group: GroupId, message: PeerMessage): void {
    this.#hooks.says(from, to, group, message);
  }

  ship(end: SimTransport, to: NodeId, frame: Frame): void {
    const from = end.self.id;
    if (this.#ends.get(from) !== end) return;
    const pair = this.#byEnds.get(`${from} ${to}`);
    if (pair === undefined || !pair.up) return;
    const pipe = pair.pipes[0].from === from ? pair.pipes[0] : pair.pipes[1];
    const wired = this.#hooks.wire(frame);
    for (const { message } of wired) {
      if (message.type === 'forward-refused') this.#refused.add(`${to} ${message.id}`);
    }
    // The guard of a founding rests on links that carry nothing of a former life over; Paxos does not.
    if (this.#plan.echoes && !wired.some(({ message }) => message.type === 'empty')) {
      pipe.recent.push(wired);
      if (pipe.recent.length > ECHOES) pipe.recent.shift();
    }
    const { loss, spikes, wild } = this.#plan;
    if (pipe.swallows || (!this.calm && this.#random.next() < loss)) return;
    const spike = !this.calm && this.#random.next() < spikes ? this.#random.between(50, 1000) : 0;
    const arrival = Math.max(pipe.lastArrival, this.#time.now + this.#delay() + spike);
    pipe.lastArrival = arrival;
    if (!wild || this.calm || wired.some(({ message }) => isHostMessage(message))) {
      this.#deliver(pair, pipe, wired, arrival);
      return;
    }
    for (const item of wired) {
      const copies = this.#random.next() < 0.1 ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        const late = this.#random.next() < 0.1 ? this.#random.between(5, 300) : 0;
        this.#deliver(pair, pipe, [item], this.#time.now + this.#delay() + late);
      }
    }
  }

  #deliver(pair: Pair, pipe: Pipe, frame: Frame, arrival: number): void {
    const { life } = pair;
    const receiver = this.#ends.get(pipe.to);
    const sender = this.#ends.get(pipe.from);
    if (receiver === undefined || sender === undefined) return;
    receiver.clock.schedule(arrival - this.#time.now, () => {
      if (!receiver.hears(pipe.from, life)) return;
      this.#hooks.heard(pipe.from, pipe.to, frame);
      receiver.deliver(sender.self, frame);
    });
  }

  #connect(a: NodeId, b: NodeId): void {
    const pair = this.#byEnds.get(`${a} ${b}`);
    const endA = this.#ends.get(a);
    const endB = this.#ends.get(b);
    if (pair === undefined || pair.up || pair.cut || endA === undefined || endB === undefined) return;
    if (!endA.isListening || !endB.isListening || !(endA.wants(b) || endB.wants(a))) return;
    pair.up = true;
    pair.life++;
    const [smaller, larger] = a < b ? [endA, endB] : [endB, endA];
    pair.dialler = smaller.wants(larger.self.id) ? smaller.self.id : larger.self.id;
    const { life } = pair;
    for (const [end, peer] of [[endA, endB] as const, [endB, endA] as const]) {
      const pipe = pair.pipes[0].to === end.self.id ? pair.pipes[0] : pair.pipes[1];
      const at = this.#time.now + this.#random.between(0.1, 2);
      pipe.lastArrival = at;
      end.clock.schedule(at - this.#time.now, () => end.up(peer.self, life));
      const echoes = pipe.recent;
      pipe.recent = [];
      if (this.calm) continue;
      for (const frame of echoes) {
        pipe.lastArrival += this.#delay();
        // So does "it was refused, and never will be done": whoever refused it may be another process by now.
        const echo = frame.filter(({ message }) => {
          return message.type !== 'forward' || !this.#refused.has(`${pipe.from} ${message.id}`);
        });
        this.#deliver(pair, pipe, echo, pipe.lastArrival);
      }
    }
  }

  #breakAll(node: NodeId): void {
    for (const pair of this.#pairs) if (touches(pair, node) && pair.up) this.#break(pair);
  }

  #break(pair: Pair): void {
    pair.up = false;
    const { life } = pair;
    let latest = 0;
    for (const pipe of pair.pipes) {
      const end = this.#ends.get(pipe.to);
      // Mostly at once (a reset), sometimes only when the heartbeats stay away.
      const noticed = this.#random.next() < 0.8 ? this.#random.between(0.1, 5) : this.#random.between(100, 1500);
      latest = Math.max(latest, noticed);
      end?.clock.schedule(noticed, () => end.down(pipe.from, life));
    }
    const { from, to } = pair.pipes[0];
    this.#time.after(latest + this.#random.between(1, 100), () => this.#connect(from, to));
  }

  #delay(): number {
    return this.#plan.delayMs - Math.log(1 - this.#random.next()) * this.#plan.jitterMs;
  }
}

function touches(pair: Pair, node: NodeId): boolean {
  return pair.pipes[0].from === node || pair.pipes[0].to === node;
}
