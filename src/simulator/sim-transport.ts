// A process' end of the simulated network: the Transport port as the engine sees it. What is sent in a turn goes out as
// one frame per peer at the flush; what belongs to a former life of a link is not heard.
import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import type { PeerMessage } from '../engine/peer-messages.js';
import type { PeerAddress, PeerHello, Transport, TransportListener } from '../engine/ports.js';
import type { SimClock } from './sim-clock.js';
import { Violation } from './violation.js';

export interface FrameItem {
  readonly group: GroupId;
  readonly message: PeerMessage;
}

export type Frame = readonly FrameItem[];

/** The network, as an end of it needs it. */
interface Wires {
  /** A message is handed over by its sender. */
  says(from: NodeId, to: NodeId, group: GroupId, message: PeerMessage): void;
  ship(end: SimTransport, to: NodeId, frame: Frame): void;
  wants(node: NodeId, peer: NodeId): void;
  /** This end has begun to listen. */
  listens(end: SimTransport): void;
  forgets(node: NodeId, peer: NodeId): void;
}

export class SimTransport implements Transport {
  readonly self: PeerHello;
  readonly clock: SimClock;
  readonly #network: Wires;
  #listener: TransportListener | null = null;
  #peers = new Set<NodeId>();
  /** Connected peers, with the life of the link. */
  readonly #links = new Map<NodeId, { readonly peer: PeerHello; readonly life: number }>();
  readonly #outbox = new Map<NodeId, FrameItem[]>();
  #dead = false;
  #isKnown = false;

  constructor(network: Wires, self: PeerHello, clock: SimClock) {
    this.#network = network;
    this.self = self;
    this.clock = clock;
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const before = this.#peers;
    this.#peers = new Set(peers.map(({ id }) => id));
    for (const id of this.#peers) if (!this.#links.has(id)) this.#network.wants(this.self.id, id);
    for (const id of before) if (!this.#peers.has(id)) this.#network.forgets(this.self.id, id);
    if (!this.#isKnown) this.#network.listens(this);
    this.#isKnown = true;
  }

  send(to: NodeId, group: GroupId, message: PeerMessage): void {
    if (this.#dead) return;
    this.#network.says(this.self.id, to, group, message);
    if (!this.#links.has(to)) return;
    const box = this.#outbox.get(to);
    if (box === undefined) this.#outbox.set(to, [{ group, message }]);
    else box.push({ group, message });
  }

  flush(): void {
    if (this.#dead || this.#outbox.size === 0) return;
    for (const [to, frame] of this.#outbox) this.#network.ship(this, to, frame);
    this.#outbox.clear();
  }

  /** Nobody here is of another cluster: who thinks so has found two gids in one. */
  part(peer: NodeId): void {
    throw new Violation('one-membership', `${this.self.id} takes ${peer} for a member of another cluster`);
  }

  isConnected(peer: NodeId): boolean {
    return this.#links.has(peer);
  }

  async close(): Promise<void> {
    this.kill();
  }

  // ------------------------------------------------------------------------------ the network's side

  kill(): void {
    this.#dead = true;
  }

  get isListening(): boolean {
    return this.#listener !== null;
  }

  /** Keeps a link with this peer. One that it does not want it may have all the same, if the peer made it. */
  wants(peer: NodeId): boolean {
    return this.#peers.has(peer);
  }

  /** The store at the other end of the link, as it was when the link came up; null: there is no link. */
  storeOf(peer: NodeId): StoreId | null {
    return this.#links.get(peer)?.peer.store ?? null;
  }

  hears(peer: NodeId, life: number): boolean {
    return this.#links.get(peer)?.life === life;
  }

  deliver(from: PeerHello, frame: Frame): void {
    for (const { group, message } of frame) this.#listener?.received(from, group, message);
  }

  up(peer: PeerHello, life: number): void {
    const known = this.#links.get(peer.id);
    if (known !== undefined) {
      if (known.life >= life) return;
      this.down(peer.id, known.life);
    }
    this.#links.set(peer.id, { peer, life });
    this.#listener?.connected(peer);
  }

  down(peer: NodeId, life: number): void {
    const link = this.#links.get(peer);
    if (link === undefined || link.life !== life) return;
    this.#links.delete(peer);
    this.#outbox.delete(peer);
    this.#listener?.disconnected(link.peer);
  }
}
