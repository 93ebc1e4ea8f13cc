// The Transport over WebSockets: one link for each pair of peers, carrying all groups. The smaller id dials; the larger
// steps in when nothing comes. Of two links between the same two processes both sides keep the one the smaller id
// dialled; a link of a later process of a peer replaces that of the earlier one. Whoever proves the cluster secret may
// come, also a node that nobody named yet. Trusts nothing it reads before that proof.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import { InvariantBroken } from '../core/invariant.js';
import type { PeerMessage } from '../engine/peer-messages.js';
import type { PeerAddress, PeerHello, Trace, Transport, TransportListener } from '../engine/ports.js';
import type { FrameEntry } from './frame.js';
import { type Gids, Handshake, type HandshakeSelf, type Session } from './handshake.js';
import * as limits from './limits.js';
import { Link } from './link.js';
import type { Farewell, LinkLimits, LinkOwner } from './link-owner.js';
import { meshUrl } from './mesh-url.js';
import { Peer, type PeerStats } from './peer.js';
import { Seldom } from './seldom.js';

export interface MeshOptions {
  readonly id: NodeId;
  /** The identity of this node's store. Asked at each handshake, so not before the store is open. */
  store(): StoreId;
  /** null or empty: none. */
  readonly secret: string | null;
  /** The gid of each group here, null while it has none. Asked at each handshake. */
  gids(): Gids;
  /** The largest frame this node takes: see frameBytesMaxFor. The WebSocket server must take as much. */
  readonly frameBytesMax: number;
  readonly trace: Trace;
  /** The listener threw, or an invariant broke: the node must stop. The mesh delivers nothing from then on. */
  onFatal(error: unknown): void;
  /** For https members: own authorities, and the certificate shown where they want one. PEM. */
  readonly tls?: { readonly ca?: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer };
  /** What may wait for one slow peer. */
  readonly bufferBytesMax?: number;
}

export function frameBytesMaxFor(commandBytesMax: number): number {
  return commandBytesMax + limits.FRAME_EXTRA_BYTES;
}

export class Mesh implements Transport, LinkOwner {
  readonly #options: MeshOptions;
  readonly #self: HandshakeSelf;
  readonly #limits: LinkLimits;
  readonly #seldom: Seldom;
  readonly #peers = new Map<NodeId, Peer>();
  /** Every link whose socket is not closed yet. */
  readonly #links = new Set<Link>();
  #listener: TransportListener | null = null;
  #looking: NodeJS.Timeout | null = null;
  #lookedAtMs = 0;
  #isFailed = false;
  #closing: Promise<void> | null = null;
  #lastGone: (() => void) | null = null;

  constructor(options: MeshOptions) {
    const { id, secret, frameBytesMax } = options;
    this.#options = options;
    this.#self = {
      id,
      get store() {
        return options.store();
      },
      life: randomBytes(16).toString('hex'),
      secret: secret === '' ? null : secret,
      frameBytesMax,
      gids: () => options.gids(),
    };
    this.#limits = {
      frameBytesMax,
      bufferBytesMax: options.bufferBytesMax ?? Math.max(limits.BUFFER_BYTES, 2 * frameBytesMax),
    };
    this.#seldom = new Seldom(options.trace);
  }

  listen(listener: TransportListener): void {
    if (this.#listener !== null) throw new InvariantBroken('one-listener', 'the mesh has a listener already');
    this.#listener = listener;
    this.#lookedAtMs = performance.now();
    this.#looking = setInterval(() => this.#look(), limits.LOOK_MS);
    for (const peer of this.#peers.values()) this.#plan(peer);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Map(peers.filter((peer) => peer.id !== this.#self.id).map((peer) => [peer.id, peer.url]));
    for (const peer of [...this.#peers.values()]) if (!wanted.has(peer.id)) this.#forget(peer);
    for (const [id, url] of wanted) {
      const peer = this.#peerOf(id);
      if (peer.url !== url) peer.moved(url);
      this.#plan(peer);
    }
  }

  send(to: NodeId, group: GroupId, message: PeerMessage): void {
    this.#peers.get(to)?.link?.send(group, message);
  }

  flush(): void {
    for (const peer of this.#peers.values()) peer.link?.flush();
  }

  isConnected(id: NodeId): boolean {
    return this.#peers.get(id)?.link?.isUp ?? false;
  }

  part(id: NodeId): void {
    this.#peers.get(id)?.link?.end({ code: limits.CLOSE_REFUSED, reason: 'of another cluster' });
  }

  /** One entry for each peer that is named or linked. */
  stats(): readonly PeerStats[] {
    return [...this.#peers.values()].map((peer) => peer.stats());
  }

  /** Takes a socket that came in at /mesh. Must be called in the turn it came in, or its first bytes are lost. */
  accept(socket: WebSocket, request: IncomingMessage): void {
    const remote = request.socket.remoteAddress ?? 'unknown';
    const shaking = [...this.#links].reduce((count, link) => count + (link.session === null ? 1 : 0), 0);
    if (this.#listener === null || this.#isFailed || this.#closing !== null || shaking >= limits.HANDSHAKES_MAX) {
      socket.on('error', (error) => this.#complain('mesh-turned-away', remote, error.message));
      socket.close(limits.CLOSE_CROWDED, 'not now');
      setTimeout(() => socket.terminate(), limits.GOODBYE_MS).unref();
      return;
    }
    this.#links.add(
      new Link(socket, request.socket, remote, new Handshake('acceptor', this.#self), this, this.#limits),
    );
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = new Promise((resolve) => {
        this.#lastGone = resolve;
      });
      this.#stop({ code: limits.CLOSE_AWAY, reason: 'going away' });
      if (this.#links.size === 0) this.#lastGone?.();
    }
    return this.#closing;
  }

  // ------------------------------------------------------------------------------------------- what links tell

  admit(link: Link, { hello, life }: Session): Farewell | null {
    const superseded = { code: limits.CLOSE_SUPERSEDED, reason: 'another link stays' };
    if (this.#closing !== null) return { code: limits.CLOSE_AWAY, reason: 'going away' };
    const strangers = [...this.#peers.values()].filter(({ url }) => url === null).length;
    if (!this.#peers.has(hello.id) && strangers >= limits.STRANGERS_MAX)
      return { code: limits.CLOSE_CROWDED, reason: 'too many strangers' };
    const peer = this.#peerOf(hello.id);
    const isMineToDial = this.#self.id < hello.id;
    // My own dial has reached the peer already and will stay: no need to come up twice.
    if (link.role === 'acceptor' && isMineToDial && peer.dial?.claimed === hello.id && peer.link === null)
      return superseded;
    const old = peer.link;
    if (old !== null && old.session?.life === life && old.role !== link.role) {
      if ((link.role === 'dialler') !== isMineToDial) return superseded;
    }
    peer.link = link;
    old?.end({ code: limits.CLOSE_SUPERSEDED, reason: 'another link took over' });
    return null;
  }

  up(link: Link, hello: PeerHello): void {
    const peer = this.#peerOf(hello.id);
    if (peer.dial === link) peer.dial = null;
    // A dial that has not reached the peer yet is not needed any more.
    if (peer.dial?.claimed === null) peer.dial.end({ code: limits.CLOSE_SUPERSEDED, reason: 'another link came up' });
    peer.cameUp();
    this.#options.trace({
      name: 'mesh-up',
      level: 'info',
      facts: { peer: hello.id, role: link.role, remote: link.remote },
    });
    this.#tell((listener) => listener.connected(hello));
  }

  received(link: Link, hello: PeerHello, entries: readonly FrameEntry[]): void {
    this.#tell((listener) => {
      for (const { group, message } of entries) {
        if (!link.isUp) return;
        listener.received(hello, group, message);
      }
    });
  }

  down(link: Link, { code, reason }: Farewell): void {
    const peer = this.#peerWith(link);
    const session = link.session;
    if (session === null && code === limits.CLOSE_SUPERSEDED) {
      this.#options.trace({ name: 'mesh-superseded', level: 'debug', facts: { peer: link.claimed, role: link.role } });
    } else if (session === null) {
      const name = link.role === 'dialler' ? 'mesh-dial-failed' : 'mesh-refused';
      this.#complain(name, peer?.id ?? link.remote, reason || `closed with ${code}`, link.claimed);
    } else {
      this.#options.trace({ name: 'mesh-down', level: 'info', facts: { peer: session.hello.id, code, reason } });
    }
    const owner = session === null ? peer : this.#peers.get(session.hello.id);
    owner?.lost(link);
    if (peer?.link === link) peer.link = null;
    if (peer?.dial === link) peer.dial = null;
    if (owner !== undefined) this.#tidy(owner);
    if (session !== null) this.#tell((listener) => listener.disconnected(session.hello));
    if (peer !== undefined) this.#plan(peer);
  }

  gone(link: Link): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.#lastGone?.();
  }

  failed(error: unknown): void {
    if (this.#isFailed) return;
    this.#isFailed = true;
    this.#options.onFatal(error);
    this.#stop({ code: limits.CLOSE_AWAY, reason: 'going away' });
  }

  // ---------------------------------------------------------------------------------------------------- inside

  #plan(peer: Peer): void {
    if (this.#listener === null || this.#isFailed || this.#closing !== null) return;
    peer.plan(() => this.#dial(peer));
  }

  #dial(peer: Peer): void {
    const url = meshUrl(peer.url ?? '');
    if (url === null) {
      this.#complain('mesh-dial-failed', peer.id, 'its URL is not http(s) with a host');
      return;
    }
    const socket = new WebSocket(url, {
      followRedirects: false,
      handshakeTimeout: limits.HANDSHAKE_MS_MAX,
      perMessageDeflate: false,
      maxPayload: this.#options.frameBytesMax,
      ...this.#options.tls,
    });
    const handshake = new Handshake('dialler', this.#self, peer.id);
    const link = new Link(socket, null, url.host, handshake, this, this.#limits);
    this.#links.add(link);
    peer.dial = link;
  }

  /** Not a peer any more. A link it dialled may stay: it may yet have to learn that it was removed. */
  #forget(peer: Peer): void {
    peer.url = null;
    peer.cancel();
    const farewell = { code: limits.CLOSE_AWAY, reason: 'not a peer any more' };
    peer.dial?.end(farewell);
    if (peer.link?.role === 'dialler') peer.link.end(farewell);
    this.#tidy(peer);
  }

  #tidy(peer: Peer): void {
    if (peer.url === null && peer.link === null && peer.dial === null) this.#peers.delete(peer.id);
  }

  #peerOf(id: NodeId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new Peer(id, this.#self.id);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #peerWith(link: Link): Peer | undefined {
    return [...this.#peers.values()].find((peer) => peer.link === link || peer.dial === link);
  }

  #look(): void {
    const nowMs = performance.now();
    const isLate = nowMs - this.#lookedAtMs > limits.LOOK_MS + limits.HEARTBEAT_MS;
    this.#lookedAtMs = nowMs;
    for (const link of this.#links) link.look(nowMs, isLate);
  }

  #stop(farewell: Farewell): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    for (const peer of this.#peers.values()) peer.cancel();
    for (const link of this.#links) link.end(farewell);
  }

  #tell(call: (listener: TransportListener) => void): void {
    if (this.#listener === null || this.#isFailed) return;
    try {
      call(this.#listener);
    } catch (error) {
      this.failed(error);
    }
  }

  /** `claimed` is anybody's word: it is shown, but it must not make a complaint look like a new one. */
  #complain(name: string, who: string, reason: string, claimed: NodeId | null = null): void {
    this.#seldom.note(`${name} ${who} ${reason}`, { name, level: 'warn', facts: { who, reason, claimed } });
  }
}
