// One reader with nothing real around it but the router: what it says is on record, what it hears and when is the test's.
import type { NodeId } from '../../src/core/ids.js';
import type { Membership } from '../../src/core/membership.js';
import { Replica } from '../../src/core/replica.js';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { ReadOptions } from '../../src/engine/face.js';
import type { Roster } from '../../src/engine/members/roster.js';
import type { ReadAsk, ReadAt } from '../../src/engine/peer-messages.js';
import { Reader } from '../../src/engine/reads/reader.js';
import type { Standing } from '../../src/engine/standing.js';
import { MachineRouter } from '../../src/machines/router.js';
import { member, votersNamed } from '../core/samples.js';
import { counter } from '../faults/machines.js';

/** Seen from a, whose store is named like it, as everybody's is. */
export class LoneReader {
  readonly counter = counter();
  readonly router = new MachineRouter({ gid: null, version: -1, members: [] }, [this.counter]);
  readonly said: { readonly to: NodeId; readonly message: ReadAsk | ReadAt }[] = [];
  readonly compared: NodeId[] = [];
  readonly standing = { outage: null as Standing['outage'], halted: null as string | null };
  /** Another process has opened the store. */
  isFenced = false;
  holdsLease = false;
  replica: Replica | null = null;
  now = 1000;
  readonly reader: Reader;

  constructor(membership: Membership = votersNamed('a', 'b', 'c')) {
    this.has(membership);
    this.votes(membership);
    const unfit = () => {
      const { outage, halted } = this.standing;
      if (outage !== null) return new PaxmeshError(outage.code, outage.detail);
      return halted === null ? null : new PaxmeshError('halted', halted);
    };
    const standing = this.standing;
    this.reader = new Reader({
      roster: { self: 'a', storeOf: (id: NodeId) => id } as unknown as Roster,
      router: this.router,
      standing: Object.assign(standing, { unfit }) as unknown as Standing,
      replica: () => this.replica,
      timeoutMs: 1000,
      now: () => this.now,
      timeMs: () => 77,
      holdsLease: () => this.holdsLease,
      firstRound: 500,
      send: (to, message) => this.said.push({ to, message }),
      arrived: () => {},
      holds: () => (this.isFenced ? Promise.reject(new Error('fenced')) : Promise.resolve()),
      compareWith: (peer) => this.compared.push(peer),
    });
  }

  /** The membership as applied. */
  has(membership: Membership): void {
    this.router.membership.restored(membership);
  }

  /** The replica of a, without a vote at its open instance. */
  votes(membership: Membership, open = this.router.applied + 1): void {
    const start = { self: 'a', store: 'a', open, chain: 0, promised: { round: 0, node: '' }, vote: null };
    const host = { chain: () => 0, membershipAfter: (before: Membership) => before };
    this.replica = new Replica({ ...start, membership, votesFrom: 0, mayFound: true, seed: 1 }, host, 0);
  }

  /** Instances up to this one are applied; they change nothing. */
  applies(through: number): void {
    while (this.router.applied < through) this.router.apply(this.router.applied + 1, []);
    this.reader.advanced();
  }

  /** The state of a read that was asked for now. */
  reads(options: ReadOptions = {}, question: unknown = 'all') {
    const read = { state: 'waits' as string, answer: null as unknown, instanceId: -1, error: null as unknown };
    this.reader.read('tally', question, options).then(
      ({ answer, instanceId, read: mode }) => Object.assign(read, { state: mode, answer, instanceId }),
      (error: unknown) => Object.assign(read, { state: error instanceof PaxmeshError ? error.code : 'threw', error }),
    );
    return read;
  }

  /** A turn of the pump, so much later; answers what was asked in it, and of whom. */
  async turn(ms = 0): Promise<string[]> {
    this.now += ms;
    const from = this.said.length;
    const { wakeAt } = this.reader;
    if (wakeAt !== null && wakeAt <= this.now) this.reader.tick(this.now);
    await settled();
    return this.said.slice(from).map(({ to, message }) => `${message.id} to ${to}`);
  }

  /** An answer; from the store that everybody has unless it is said otherwise. */
  async hears(id: NodeId, round: number, through: number, store: string = id): Promise<void> {
    this.reader.answered({ id, store }, { type: 'read-at', id: round, through });
    await settled();
  }
}

/** Promises that are settled have told so. */
export async function settled(): Promise<void> {
  for (let tick = 0; tick < 5; tick++) await null;
}

export const withObserver: Membership = {
  ...votersNamed('a', 'b', 'c'),
  members: [member('a'), member('b'), member('c'), member('d', 'observer')],
};
