// The lender: gives blocks of this node's checkpoint to peers that are too far behind for the log. What a peer is fetching stays
// until it has not asked for a while, even when a newer checkpoint was taken meanwhile: a large one would never get through
// otherwise. A peer that has all of it and puts it in place says so now and then, by asking for the block behind the last one;
// however long it goes on like that, it is over some time. It keeps no state for the peer's sake but that; the peer paces itself by
// asking.
import { crc32 } from 'node:zlib';
import type { GroupId, InstanceId, Millis, NodeId } from '../../core/ids.js';
import type { LogStore } from '../log-store.js';
import type { BlockAsk, HostMessage } from '../peer-messages.js';
import { blocksOf, type Checkpoint, isSame } from './checkpoint.js';

/** A peer that has not asked for so long has given up, or is done. */
const PATIENCE_MS = 30_000;
/** Longer than this nothing is held for one fetching, whatever the peer says: the log would grow behind it without an end. */
const LOAN_MS_MAX = 3_600_000;
/** Blocks read at one time for one peer. */
const READS_MAX = 16;

interface Loan {
  readonly checkpoint: Checkpoint;
  /** It is over then, unless the peer asks again. */
  until: Millis;
  /** It is over then. */
  readonly untilAtMost: Millis;
  reading: number;
}

export interface LenderOptions {
  readonly group: GroupId;
  readonly store: LogStore;
  readonly now: () => Millis;
  readonly current: () => Checkpoint | null;
  readonly send: (to: NodeId, message: HostMessage) => void;
  readonly failed: (error: unknown) => void;
}

export class Lender {
  readonly #options: LenderOptions;
  readonly #loans = new Map<NodeId, Loan>();

  constructor(options: LenderOptions) {
    this.#options = options;
  }

  /** What the peer wants of the log is trimmed here. */
  offer(to: NodeId): void {
    const current = this.#options.current();
    if (current === null) return;
    const { instance, chain, crc, bytes } = current;
    this.#options.send(to, { type: 'checkpoint', instance, chain, crc, bytes });
  }

  asked(from: NodeId, ask: BlockAsk): void {
    const { now, current } = this.#options;
    let loan = this.#loans.get(from);
    if (loan === undefined || !isSame(loan.checkpoint, ask)) {
      const newest = current();
      if (newest === null || !isSame(newest, ask)) {
        this.offer(from);
        return;
      }
      loan = { checkpoint: newest, until: 0, untilAtMost: now() + LOAN_MS_MAX, reading: 0 };
      this.#loans.set(from, loan);
    }
    loan.until = Math.min(now() + PATIENCE_MS, loan.untilAtMost);
    if (ask.index >= blocksOf(loan.checkpoint.bytes)) return;
    if (loan.reading < READS_MAX) void this.#lend(from, loan, ask.index);
  }

  /** Names of the checkpoints on loan. */
  inUse(): ReadonlySet<string> {
    this.#forget();
    return new Set(Array.from(this.#loans.values(), ({ checkpoint }) => checkpoint.name));
  }

  /** First instance that a borrower will ask for when it has its checkpoint; null: nobody is at it. */
  needed(): InstanceId | null {
    this.#forget();
    let needed: InstanceId | null = null;
    for (const { checkpoint } of this.#loans.values()) needed = Math.min(needed ?? Infinity, checkpoint.instance + 1);
    return needed;
  }

  async #lend(to: NodeId, loan: Loan, index: number): Promise<void> {
    const { store, group, send, failed } = this.#options;
    const { name, instance, crc } = loan.checkpoint;
    loan.reading++;
    try {
      const bytes = await store.readBlock(group, name, index);
      if (bytes === null) throw new Error(`block ${index} of checkpoint ${name} is missing or damaged`);
      send(to, { type: 'block', instance, crc, index, blockCrc: crc32(bytes), bytes });
    } catch (error) {
      failed(error);
    } finally {
      loan.reading--;
    }
  }

  #forget(): void {
    const now = this.#options.now();
    for (const [peer, loan] of this.#loans) if (now >= loan.until) this.#loans.delete(peer);
  }
}
