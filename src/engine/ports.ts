// The engine's ports to the world but for the store (log-store.ts): the mesh of peers, time and chance, and notes of what
// happens, with the correctness contract in prose. Adapters live in src/net and beside this file; test/conformance holds
// the mesh's public suite. The simulator has adapters of its own for Transport and Clock.
import type { GroupId, Millis, NodeId, StoreId } from '../core/ids.js';
import type { PeerMessage } from './peer-messages.js';

// --------------------------------------------------------------------------------------------------- Transport

export interface PeerAddress {
  readonly id: NodeId;
  readonly url: string;
}

/** What a peer's handshake proved. `store` is its store's identity. */
export interface PeerHello {
  readonly id: NodeId;
  readonly store: StoreId;
}

export interface TransportListener {
  /** In the order the peer sent them. The listener never throws. `bytes` inside the message are the listener's to keep. */
  received(from: PeerHello, group: GroupId, message: PeerMessage): void;
  /** A link is usable. Fired once for each life of a link, before anything is received on it. */
  connected(peer: PeerHello): void;
  disconnected(peer: PeerHello): void;
}

/**
 * Carries messages between nodes. May lose, duplicate (never within one link), delay; never garbles, never invents a
 * sender. Within one life of a link order is kept. Two things rest on a link that carries nothing of its former life over,
 * as those of the mesh do: the founders' `empty`, and a `forward` that was refused; Paxos does not. `send` queues and never blocks; a peer that is slow or gone costs
 * a bounded queue and nothing else. What is queued for a peer that is not connected is dropped.
 */
export interface Transport {
  listen(listener: TransportListener): void;
  /** The peers to keep links with, and where they are. Replaces the earlier set. Without effect on this node's own id. */
  setPeers(peers: readonly PeerAddress[]): void;
  send(to: NodeId, group: GroupId, message: PeerMessage): void;
  /** Ships everything queued, one frame per peer where it fits. Called once at the end of a turn. */
  flush(): void;
  isConnected(peer: NodeId): boolean;
  /** Ends the link with this peer: it has turned out to be of another cluster. The next handshake says whether it may come. */
  part(peer: NodeId): void;
  close(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------------- Clock

export interface Timer {
  cancel(): void;
}

/** Time, turns and chance. The only source of each for engine and core, so that one seed is one story. */
export interface Clock {
  /** Monotonic. */
  now(): Millis;
  /** Wall clock, for stamps shown to people only. Never compared. */
  wallMs(): number;
  /** Runs `work` at the end of the present event-loop turn, after the input that is already waiting was delivered. */
  defer(work: () => void): void;
  after(ms: Millis, work: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
}

// ------------------------------------------------------------------------------------------------------- Trace

/** Named notes of what happened, for logs, metrics and `paxmesh dev`. Never part of a decision. */
export type Trace = (note: TraceNote) => void;

export interface TraceNote {
  readonly name: string;
  readonly group?: GroupId;
  /** Small facts: numbers and short strings. Never a value's bytes, never a secret. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}
