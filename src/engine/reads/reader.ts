// The reader: questions to the machines, each answered from the state applied here, and not before that is as fresh as was
// asked for. What a linearizable read must hold, a quorum of the voters says (read-rounds.ts). It bounds how many wait and how
// long. It writes nothing, and proposes nothing.
import type { InstanceId, Millis, NodeId } from '../../core/ids.js';
import { PaxmeshError } from '../errors.js';
import type { ReadOptions } from '../face.js';
import type { ReadAsk, ReadAt } from '../peer-messages.js';
import type { PeerHello } from '../ports.js';
import type { Standing } from '../standing.js';
import type { ReadAnswer, ReadMode } from '../views.js';
import { reachOf } from './read-round.js';
import { type Proof, ReadRounds, type ReadRoundsOptions } from './read-rounds.js';

/** Reads that may wait; beyond: 503 overloaded. */
export const READS_MAX = 20_000;
const TIMEOUT_MS_MAX = 60_000;
/** Deadlines are looked after so often while anything waits. */
const SWEEP_MS = 20;
/** Whoever has not answered by then is asked again; and what was not applied by then may have got lost on its way here. */
const AGAIN_MS = 150;

export interface ReaderOptions extends Omit<ReadRoundsOptions, 'concluded'> {
  readonly standing: Standing;
  readonly timeoutMs: Millis;
  readonly now: () => Millis;
  /** The group's time. */
  readonly timeMs: () => Millis;
  /** This node is the master at this moment, by its own clock. */
  readonly holdsLease: () => boolean;
  /** Something waits. */
  readonly arrived: () => void;
  /** Compares positions with this node: whoever is behind is taught. */
  readonly compareWith: (peer: NodeId) => void;
}

interface Read {
  readonly mode: ReadMode;
  /** To be applied in any case. */
  readonly from: InstanceId;
  readonly deadline: Millis;
  readonly ask: () => unknown;
  readonly resolve: (answer: ReadAnswer) => void;
  readonly reject: (error: unknown) => void;
  proof: Proof | null;
}

export class Reader {
  readonly #options: ReaderOptions;
  readonly #waiting = new Set<Read>();
  readonly #rounds: ReadRounds<Read>;
  /** Nobody's wait ends before this instance is applied. */
  #nextAt: InstanceId = Number.POSITIVE_INFINITY;
  /** null: nothing waits. */
  #sweepAt: Millis | null = null;
  #againAt: Millis = 0;
  /** What was applied at the last look for what got lost. */
  #mark: InstanceId = -1;
  #closed = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#rounds = new ReadRounds({ ...options, concluded: () => this.#look() });
  }

  async read(name: string, question: unknown, options: ReadOptions): Promise<ReadAnswer> {
    const { router, timeMs } = this.#options;
    const machine = router.machine(name);
    if (machine?.query === undefined) throw new PaxmeshError('unknown-machine', `${name} is nothing that can be asked`);
    return this.#wait(() => machine.query?.(question, { timeMs: timeMs() }), options);
  }

  /** A read that asks nothing: answered when the state here is as fresh as was asked for. */
  async barrier(options: ReadOptions): Promise<ReadAnswer> {
    return this.#wait(() => null, options);
  }

  #wait(ask: () => unknown, options: ReadOptions): Promise<ReadAnswer> {
    const { standing, replica, now, holdsLease, arrived } = this.#options;
    const mode = options.read ?? 'linearizable';
    const refused = mode === 'local' && standing.outage?.code !== 'fenced' ? null : standing.unfit();
    if (this.#closed) throw closing();
    if (refused !== null) throw refused;
    // What the holder has closed it may have acknowledged, also where applying it takes its time.
    const closed = mode === 'lease' && holdsLease() ? (replica()?.open ?? 0) - 1 : -1;
    const patience = Math.min(options.timeoutMs ?? this.#options.timeoutMs, TIMEOUT_MS_MAX);
    return new Promise((resolve, reject) => {
      const read: Read = {
        mode,
        from: Math.max(options.minInstance ?? -1, closed),
        deadline: now() + patience,
        ask,
        resolve,
        reject,
        proof: null,
      };
      if (this.#isAnswered(read)) return;
      if (this.#waiting.size >= READS_MAX) throw new PaxmeshError('overloaded', 'too many reads are waiting');
      this.#waiting.add(read);
      if (mode !== 'local') this.#rounds.enter(read);
      this.#sweepAt ??= now() + SWEEP_MS;
      this.#nextAt = Math.min(this.#nextAt, this.#endsAt(read));
      arrived();
    });
  }

  // ------------------------------------------------------------------------------------ from the group

  /** A peer wants to read. */
  asked(from: NodeId, { id }: ReadAsk): void {
    const { replica, send, holds } = this.#options;
    const through = reachOf(replica());
    if (through === null) return;
    // Without its store this node is no voter. Its next flush tells it why.
    holds().then(
      () => send(from, { type: 'read-at', id, through }),
      () => {},
    );
  }

  answered(from: PeerHello, message: ReadAt): void {
    this.#rounds.answered(from, message);
  }

  /** More was applied here. */
  advanced(): void {
    this.#rounds.startOver();
    if (this.#options.router.applied >= this.#nextAt) this.#look();
  }

  connected(peer: NodeId): void {
    this.#rounds.connected(peer);
  }

  /** The group takes no part any more, for now at least: nothing fresh can be read here. */
  suspended(error: PaxmeshError): void {
    this.#end((read) => (read.mode === 'local' && error.code !== 'fenced' ? null : error));
  }

  close(): void {
    this.#closed = true;
    this.#end(closing);
  }

  get wakeAt(): Millis | null {
    return this.#rounds.mayBegin ? 0 : this.#sweepAt;
  }

  tick(now: Millis): void {
    this.#rounds.startOver();
    if (this.#rounds.mayBegin) {
      this.#againAt = now + AGAIN_MS;
      this.#rounds.begin();
    }
    if (this.#sweepAt === null || now < this.#sweepAt) return;
    this.#end((read) => (now < read.deadline ? null : this.#late(read)));
    if (now >= this.#againAt) this.#again(now);
    // A checkpoint that was installed, or a new master, may have changed what can be answered.
    this.#look();
    this.#sweepAt = this.#waiting.size === 0 ? null : now + SWEEP_MS;
  }

  // ------------------------------------------------------------------------------------------ inside

  /** Answers everybody who can be answered. */
  #look(): void {
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const read of this.#waiting) {
      if (!this.#isAnswered(read)) this.#nextAt = Math.min(this.#nextAt, this.#endsAt(read));
    }
  }

  /** The instance whose applying may end this wait. */
  #endsAt({ mode, from, proof }: Read): InstanceId {
    if (proof !== null) return Math.max(from, proof.index);
    const isOwn = mode !== 'linearizable' && this.#options.router.applied < from;
    return isOwn ? from : Number.POSITIVE_INFINITY;
  }

  #isAnswered(read: Read): boolean {
    const mode = this.#freshness(read);
    if (mode === null) return false;
    this.#waiting.delete(read);
    try {
      read.resolve({ answer: read.ask(), instanceId: this.#options.router.applied, read: mode });
    } catch (error) {
      read.reject(error);
    }
    return true;
  }

  /** What an answer given now would be; null: not what was asked for. */
  #freshness(read: Read): ReadMode | null {
    const { router, standing, holdsLease } = this.#options;
    const { mode, from, proof } = read;
    if (router.applied < from) return null;
    if (mode === 'local') return 'local';
    // In the midst of an instance the state is that of no instance; and one that has diverged is of no use.
    if (!router.isWhole || standing.outage !== null) return null;
    if (mode === 'lease' && holdsLease()) return 'lease';
    if (proof === null || router.applied < proof.index) return null;
    if (proof.version === router.membership.membership.version) return 'linearizable';
    // The voters are not those any more that were asked.
    read.proof = null;
    this.#rounds.enter(read);
    return null;
  }

  /** Questions, answers or values may have been lost. */
  #again(now: Millis): void {
    this.#againAt = now + AGAIN_MS;
    this.#rounds.askSilent();
    const { router, roster, compareWith } = this.#options;
    const isStuck = this.#mark === router.applied;
    this.#mark = router.applied;
    if (!isStuck) return;
    const ahead = new Set<NodeId>();
    for (const { proof } of this.#waiting) {
      if (proof?.furthest != null && proof.index > router.applied) ahead.add(proof.furthest);
    }
    ahead.delete(roster.self);
    for (const peer of ahead) compareWith(peer);
  }

  #late({ mode, proof }: Read): PaxmeshError {
    const unfit = this.#options.standing.unfit();
    if (unfit !== null) return unfit;
    if (mode === 'local' || proof !== null) {
      return new PaxmeshError('catching-up', 'what the answer must hold was not applied here within the time limit');
    }
    return new PaxmeshError('no-quorum', 'too few voters have said within the time limit how far the group is');
  }

  /** Ends the waits for which there is an error. */
  #end(errorOf: (read: Read) => PaxmeshError | null): void {
    for (const read of this.#waiting) {
      const error = errorOf(read);
      if (error === null) continue;
      this.#waiting.delete(read);
      read.reject(error);
    }
    this.#rounds.forget((read) => this.#waiting.has(read));
  }
}

function closing(): PaxmeshError {
  return new PaxmeshError('draining', 'this node is shutting down');
}
