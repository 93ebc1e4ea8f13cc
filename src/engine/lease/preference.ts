// The preference: a group may name the node that shall be master whenever it can. Whoever holds the lease instead hands it
// over once that node has been a voter, in reach and level, for a whole lease: not to one that has just come back and may go
// again. A hand-over costs the group a moment without a master, so one that was in vain is tried again later and later.
// It is a wish, not a rule: no commit waits for it, and no lease is ended by anybody but its holder.
import type { Millis, NodeId } from '../../core/ids.js';
import type { Roster } from '../members/roster.js';

const LOOK_MS = 200;
/** Leases between two tries, at least and at most. */
const REST_MIN = 2;
const REST_MAX = 64;

export interface PreferenceOptions {
  readonly roster: Roster;
  readonly isMaster: () => boolean;
  /** null: nobody in particular. */
  readonly preferred: () => NodeId | null;
  /** It has as much of the log as a master needs. */
  readonly isLevel: (id: NodeId) => boolean;
  /** Of the tenure that runs. */
  readonly leaseMs: () => Millis;
  readonly resign: (heir: NodeId) => void;
}

export class Preference {
  readonly #options: PreferenceOptions;
  #lookAt: Millis = 0;
  /** The node that has been fit without a break, and since when, as far as this node looked. */
  #fit: { readonly id: NodeId; readonly since: Millis } | null = null;
  #triedAt: Millis = Number.NEGATIVE_INFINITY;
  /** In leases. */
  #rest = REST_MIN;

  constructor(options: PreferenceOptions) {
    this.#options = options;
  }

  /** null: there is nobody to hand over to, or nothing to hand over. */
  get wakeAt(): Millis | null {
    const { preferred, roster, isMaster } = this.#options;
    const heir = preferred();
    return heir === null || heir === roster.self || !isMaster() ? null : this.#lookAt;
  }

  tick(now: Millis): void {
    const at = this.wakeAt;
    if (at === null || now < at) return;
    const { preferred, roster, isLevel, leaseMs, resign } = this.#options;
    // It was not looked at for a while (another was master, or it was master itself): what it did meanwhile is not known.
    if (now >= at + LOOK_MS) this.#fit = null;
    this.#lookAt = now + LOOK_MS;
    const heir = preferred();
    const isFit = heir !== null && roster.liveVoters().some(({ id }) => id === heir) && isLevel(heir);
    if (!isFit) {
      this.#fit = null;
      return;
    }
    if (this.#fit?.id !== heir) this.#fit = { id: heir, since: now };
    const lease = leaseMs();
    if (now - this.#fit.since < lease || now - this.#triedAt < this.#rest * lease) return;
    // Long after the last try nothing is known against the heir any more.
    const isRepeat = now - this.#triedAt < 2 * REST_MAX * lease;
    this.#rest = isRepeat ? Math.min(2 * this.#rest, REST_MAX) : REST_MIN;
    this.#triedAt = now;
    resign(heir);
  }
}
