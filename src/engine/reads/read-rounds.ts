// The rounds of questions that linearizable reads wait for: one at a time, shared by all reads that wait when it begins, asked
// again where no answer comes, and begun anew when the voters are others. A read never takes the answers of a round that began
// before it came. What an answer means, and why it is enough, is read-round.ts; what is done with it, reader.ts.
import type { InstanceId, NodeId } from '../../core/ids.js';
import type { Replica } from '../../core/replica.js';
import type { MachineRouter } from '../../machines/router.js';
import type { Roster } from '../members/roster.js';
import type { ReadAsk, ReadAt } from '../peer-messages.js';
import type { PeerHello } from '../ports.js';
import { ReadRound, reachOf } from './read-round.js';

/** What a quorum has said. It holds as long as the membership applied here has this version. */
export interface Proof {
  readonly index: InstanceId;
  readonly version: InstanceId;
  /** Who has said it; null: nobody has anything. */
  readonly furthest: NodeId | null;
}

export interface ReadRoundsOptions {
  readonly roster: Roster;
  readonly router: MachineRouter;
  readonly replica: () => Replica | null;
  /** Unique enough that an answer to a former life of this node is never taken for one of this life. */
  readonly firstRound: number;
  readonly send: (to: NodeId, message: ReadAsk | ReadAt) => void;
  /** Resolves when this process still holds its store: of two, the older one knows nothing of what the newer one votes. */
  readonly holds: () => Promise<void>;
  /** A round has ended: its reads have their proof. */
  readonly concluded: () => void;
}

export class ReadRounds<Read extends { proof: Proof | null }> {
  readonly #options: ReadRoundsOptions;
  /** Those that need a round which has not begun. */
  #fresh: Read[] = [];
  #round: { readonly asked: ReadRound; readonly reads: readonly Read[] } | null = null;
  #nextId: number;

  constructor(options: ReadRoundsOptions) {
    this.#options = options;
    this.#nextId = options.firstRound;
  }

  /** It shall have a proof of the next round that begins. */
  enter(read: Read): void {
    this.#fresh.push(read);
  }

  /**
   * Where the group has no gid, its members are a matter of configuration: no quorum of them means anything yet. And in the
   * midst of an instance the membership may be that of the instance after it already.
   */
  get mayBegin(): boolean {
    if (this.#round !== null || this.#fresh.length === 0) return false;
    const { router } = this.#options;
    return router.membership.membership.gid !== null && router.isWhole;
  }

  begin(): void {
    const { roster, router, replica, holds } = this.#options;
    // As applied: it decides the instance after the last one applied, and unlike the replica's it never goes back.
    const asked = new ReadRound(this.#nextId++, router.membership.membership);
    this.#round = { asked, reads: this.#fresh };
    this.#fresh = [];
    const store = roster.storeOf(roster.self);
    const through = reachOf(replica());
    this.askSilent();
    if (through === null || store === null) return;
    const count = () => {
      asked.count({ id: roster.self, store }, through);
      this.#conclude(asked);
    };
    // Without its store this node is no voter. Its next flush tells it why.
    holds().then(count, () => {});
  }

  answered(from: PeerHello, { id, through }: ReadAt): void {
    const asked = this.#round?.asked;
    if (asked === undefined || asked.id !== id) return;
    asked.count(from, through);
    this.#conclude(asked);
  }

  /** Questions or answers may have been lost. */
  askSilent(): void {
    const asked = this.#round?.asked;
    for (const id of asked?.silent ?? []) this.#ask(id);
  }

  connected(peer: NodeId): void {
    if (this.#round?.asked.silent.includes(peer)) this.#ask(peer);
  }

  /** The voters that are being asked may not be those of today. */
  startOver(): void {
    const version = this.#round?.asked.membership.version;
    if (this.#round === null || version === this.#options.router.membership.membership.version) return;
    this.#fresh = [...this.#round.reads, ...this.#fresh];
    this.#round = null;
  }

  /** Lets go of reads that have ended: where no round can begin or end, they must not pile up. */
  forget(isWaiting: (read: Read) => boolean): void {
    if (this.#round !== null && !this.#round.reads.some(isWaiting)) this.#round = null;
    this.#fresh = this.#fresh.filter(isWaiting);
  }

  #ask(node: NodeId): void {
    const { roster, send } = this.#options;
    if (this.#round !== null && node !== roster.self) send(node, { type: 'read-ask', id: this.#round.asked.id });
  }

  #conclude(asked: ReadRound): void {
    const { index, furthest, membership } = asked;
    if (this.#round?.asked !== asked || index === null) return;
    const { reads } = this.#round;
    this.#round = null;
    const proof = { index, furthest, version: membership.version };
    for (const read of reads) read.proof = proof;
    this.#options.concluded();
  }
}
