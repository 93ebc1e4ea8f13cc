// What a link asks of whoever owns it, and what it tells. The mesh is the owner; it decides between links.
import type { PeerHello } from '../engine/ports.js';
import type { FrameEntry } from './frame.js';
import type { Session } from './handshake.js';
import type { Link } from './link.js';

/** Why a link may not come up, or must go. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

export interface LinkOwner {
  /** The peer has proved itself: may the link come up? A farewell says no. Called before the acceptor's proof leaves. */
  admit(link: Link, session: Session): Farewell | null;
  up(link: Link, hello: PeerHello): void;
  received(link: Link, hello: PeerHello, entries: readonly FrameEntry[]): void;
  /** The link carries nothing any more. Once, whether it was up or not. */
  down(link: Link, farewell: Farewell): void;
  /** Its socket is closed. The last that is heard of it. */
  gone(link: Link): void;
  /** What the owner's own calls threw. */
  failed(error: unknown): void;
}

export interface LinkLimits {
  /** The largest frame this side takes. */
  readonly frameBytesMax: number;
  readonly bufferBytesMax: number;
}
