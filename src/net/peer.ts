// What the mesh keeps about one peer: where it is, its link, the dial under way, and when to dial next. Decides about
// time only; the mesh dials.
import type { NodeId } from '../core/ids.js';
import { FIRST_PATIENCE_MS, PATIENCE_MS, PROVEN_MS, REDIAL_MS, REDIAL_MS_MAX } from './limits.js';
import type { Link } from './link.js';
import { addTraffic, noTraffic, type Traffic } from './traffic.js';

export interface PeerStats extends Traffic {
  readonly id: NodeId;
  readonly connected: boolean;
  /** Links that came up since the start. */
  readonly links: number;
  readonly bufferedBytes: number;
  /** Of the last ping; null before the first answer on this link. */
  readonly rttMs: number | null;
}

export class Peer {
  readonly id: NodeId;
  /** null: nobody told us where it is, it came by itself. */
  url: string | null = null;
  /** The link that is up, or about to replace the one that was. */
  link: Link | null = null;
  dial: Link | null = null;
  readonly #isMineToDial: boolean;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #links = 0;
  #past = noTraffic();

  /** Of two nodes the one with the smaller id dials. */
  constructor(id: NodeId, self: NodeId) {
    this.id = id;
    this.#isMineToDial = self < id;
  }

  /** Dials in due time, unless there is a link or it is being seen to. */
  plan(dial: () => void): void {
    if (this.url === null || this.link !== null || this.dial !== null || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      dial();
    }, this.#delayMs());
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  cameUp(): void {
    this.#links++;
    this.cancel();
  }

  /** A link is over, or a dial came to nothing. Only what carried traffic, or held, calls for a fresh start. */
  lost(link: Link): void {
    const isProven =
      link.traffic.framesIn > 0 || performance.now() - (link.upSinceMs ?? Number.POSITIVE_INFINITY) > PROVEN_MS;
    this.#failures = isProven ? 0 : this.#failures + 1;
    if (link.session !== null) this.#past = addTraffic(this.#past, link.traffic);
  }

  /** It is elsewhere now: what failed at the old place says nothing about the new one. */
  moved(url: string): void {
    this.url = url;
    this.#failures = 0;
    this.cancel();
  }

  stats(): PeerStats {
    const { link } = this;
    const traffic = link?.session ? addTraffic(this.#past, link.traffic) : this.#past;
    return {
      id: this.id,
      connected: link?.isUp ?? false,
      links: this.#links,
      bufferedBytes: link?.bufferedBytes ?? 0,
      rttMs: link?.rttMs ?? null,
      ...traffic,
    };
  }

  #delayMs(): number {
    if (this.#failures === 0) {
      if (this.#links === 0) return this.#isMineToDial ? 0 : FIRST_PATIENCE_MS;
      return this.#isMineToDial ? REDIAL_MS : PATIENCE_MS;
    }
    const longest = Math.min(REDIAL_MS_MAX, REDIAL_MS * 2 ** Math.min(this.#failures - 1, 10));
    return longest * (1 - Math.random() / 2);
  }
}
