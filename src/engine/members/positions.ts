// Where everybody is. A node lets the others know now and then, while that changes, how far it has come, in which cluster,
// and with which sum of its state. What others say in return shows who lags, whose state differs, and who is a stranger.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import type { Input } from '../../core/replica.js';
import type { RecentLog } from '../log/recent-log.js';
import type { Position } from '../peer-messages.js';
import type { PeerHello, TraceNote } from '../ports.js';
import type { StateGuard } from '../state/state-guard.js';
import type { Roster } from './roster.js';

const TELL_MS = 1000;

export interface PositionsOptions {
  readonly roster: Roster;
  readonly log: RecentLog;
  readonly guard: StateGuard;
  /** The replica's open instance; null: it is not there. */
  readonly open: () => InstanceId | null;
  readonly input: (input: Input) => void;
  readonly send: (to: NodeId, message: Position) => void;
  /** Ends the link with a node of another cluster. */
  readonly part: (peer: NodeId) => void;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
}

export class Positions {
  readonly #options: PositionsOptions;
  #tellAt: Millis | null = null;

  constructor(options: PositionsOptions) {
    this.#options = options;
  }

  /** null: the others know. */
  get wakeAt(): Millis | null {
    return this.#tellAt;
  }

  /** Something was chosen. */
  advanced(now: Millis): void {
    this.#tellAt ??= now + TELL_MS;
  }

  tick(now: Millis): void {
    if (this.#tellAt === null || now < this.#tellAt) return;
    this.#tellAt = null;
    const { roster, log, guard, send } = this.#options;
    const { gid, self } = roster;
    const position = { type: 'position', gid, lastChosen: log.lastChosen, state: guard.newest } as const;
    for (const { id } of roster.current.members) if (id !== self) send(id, position);
  }

  heard({ id, store }: PeerHello, { gid, lastChosen, state }: Position): void {
    const { roster, guard, input } = this.#options;
    if (gid !== null && roster.gid !== null && gid !== roster.gid) {
      this.#meetsStranger(id);
      return;
    }
    roster.at(id, lastChosen);
    if (state !== null) guard.heard(id, state);
    const open = this.#options.open();
    if (open === null || lastChosen < open) return;
    // Whoever counts majorities may be out of this node's reach alone. An ask from beyond my end says that I lag.
    const message = { type: 'ask', open: lastChosen + 1 } as const;
    input({ type: 'deliver', from: id, store, message });
  }

  /** When the link came up, one of us was not founded yet, and so the handshake could not tell. */
  #meetsStranger(peer: NodeId): void {
    this.#options.trace({ name: 'stranger', level: 'warn', facts: { peer } });
    this.#options.part(peer);
  }
}
