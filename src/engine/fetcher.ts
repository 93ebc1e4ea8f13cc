// The fetcher: brings a peer's checkpoint onto this node's own disk, block by block, when the log no longer reaches back far
// enough. One at a time, in a window, each block checked as it comes; what is lost is asked for again, and a transfer that
// stands still is given up, so that another peer may be asked. It changes nothing but blocks under a name of its own: putting
// the checkpoint in place is the group's act, when all of it is here.
import { crc32 } from 'node:zlib';
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import { blocksOf, type Checkpoint, isSame, newName } from './checkpoint.js';
import { BLOCK_BYTES, type LogStore } from './log-store.js';
import type { Block, CheckpointLabel, CheckpointOffer, HostMessage } from './peer-messages.js';
import type { Clock } from './ports.js';

const WINDOW_BLOCKS = 8;
const ASK_AGAIN_MS = 1000;
const GIVE_UP_MS = 10_000;
/** Larger than anything this process could hold as a state. */
const CHECKPOINT_BYTES_MAX = 2 ** 40;

interface Transfer {
  readonly from: NodeId;
  readonly label: CheckpointLabel;
  readonly name: string;
  /** Blocks that were asked for and have not come, with when. */
  readonly asked: Map<number, Millis>;
  readonly missing: Set<number>;
  /** First block that was never asked for. */
  next: number;
  writing: number;
  progressAt: Millis;
  lookAt: Millis;
}

export interface FetcherOptions {
  readonly group: GroupId;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly send: (to: NodeId, message: HostMessage) => void;
  /** First instance this node has not closed. */
  readonly open: () => InstanceId;
  /** A block has come: whoever said that this node lags was right. */
  readonly gotOn: () => void;
  /** All of it is on disk, unverified as a whole. The name stays in use until `done` is called. */
  readonly arrived: (checkpoint: Checkpoint) => void;
  readonly failed: (reason: string) => void;
}

export class Fetcher {
  readonly #options: FetcherOptions;
  #transfer: Transfer | null = null;
  /** On disk, and about to be put in place. */
  #arrived: Checkpoint | null = null;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#transfer !== null || this.#arrived !== null;
  }

  /** The name whose blocks must stay; null: none. */
  get inUse(): string | null {
    return this.#transfer?.name ?? this.#arrived?.name ?? null;
  }

  get wakeAt(): Millis | null {
    return this.#transfer?.lookAt ?? null;
  }

  offered(from: NodeId, offer: CheckpointOffer): void {
    const { open, clock } = this.#options;
    if (offer.instance < open() || this.#arrived !== null) return;
    if (offer.bytes < 1 || offer.bytes > CHECKPOINT_BYTES_MAX) return;
    const under = this.#transfer;
    // The same again resumes; another one from the same peer means that the first is gone there.
    if (under !== null && (under.from !== from || isSame(under.label, offer))) return;
    const { instance, chain, crc, bytes } = offer;
    const name = newName(instance, this.#options.clock);
    const label = { instance, chain, crc, bytes };
    const missing = new Set<number>();
    const progressAt = clock.now();
    const lookAt = progressAt + ASK_AGAIN_MS;
    this.#transfer = { from, label, name, asked: new Map(), missing, next: 0, writing: 0, progressAt, lookAt };
    if (under !== null) this.#drop(under.name);
    this.#options.gotOn();
    this.#ask(this.#transfer);
  }

  received(from: NodeId, block: Block): void {
    const transfer = this.#transfer;
    if (transfer === null || transfer.from !== from) return;
    const { label, asked, missing } = transfer;
    if (block.instance !== label.instance || block.crc !== label.crc || !asked.has(block.index)) return;
    asked.delete(block.index);
    const isLast = block.index === blocksOf(label.bytes) - 1;
    const length = isLast ? label.bytes - block.index * BLOCK_BYTES : BLOCK_BYTES;
    if (block.bytes.length !== length || crc32(block.bytes) !== block.blockCrc) {
      this.#options.failed(`block ${block.index} from ${from} is not what was sent`);
      missing.add(block.index);
      return;
    }
    void this.#keep(transfer, block);
  }

  /** The peer's link is gone. What came stays for as long as patience lasts: it may come back. */
  tick(now: Millis): void {
    const transfer = this.#transfer;
    if (transfer === null || now < transfer.lookAt) return;
    transfer.lookAt = now + ASK_AGAIN_MS;
    if (now >= transfer.progressAt + GIVE_UP_MS) {
      this.#abandon(`no block has come from ${transfer.from} for ${GIVE_UP_MS} ms`);
      return;
    }
    for (const [index, at] of transfer.asked) {
      if (now < at + ASK_AGAIN_MS) continue;
      transfer.asked.delete(index);
      transfer.missing.add(index);
    }
    this.#ask(transfer);
  }

  /** The checkpoint that arrived is in place, or was found wanting. */
  done(): void {
    this.#arrived = null;
  }

  /** The store failed, or the node goes: what came so far is rubbish. */
  abandon(): void {
    this.#transfer = null;
    this.#arrived = null;
  }

  async #keep(transfer: Transfer, block: Block): Promise<void> {
    const { group, store, clock, gotOn } = this.#options;
    transfer.writing++;
    try {
      await store.putBlock(group, transfer.name, block.index, block.bytes);
      transfer.writing--;
      if (this.#transfer !== transfer) return;
      transfer.progressAt = clock.now();
      gotOn();
      if (this.#isComplete(transfer)) await this.#finish(transfer);
      else this.#ask(transfer);
    } catch (error) {
      if (this.#transfer === transfer) this.#abandon(`a block could not be written: ${String(error)}`);
    }
  }

  #isComplete({ label, asked, missing, next, writing }: Transfer): boolean {
    return asked.size + missing.size + writing === 0 && next === blocksOf(label.bytes);
  }

  async #finish(transfer: Transfer): Promise<void> {
    const { group, store, clock, arrived } = this.#options;
    await store.syncBlocks(group, transfer.name);
    if (this.#transfer !== transfer) return;
    this.#transfer = null;
    this.#arrived = { ...transfer.label, name: transfer.name, takenAt: new Date(clock.wallMs()).toISOString() };
    arrived(this.#arrived);
  }

  #ask(transfer: Transfer): void {
    const { send, clock } = this.#options;
    const { label, asked, missing, from } = transfer;
    while (asked.size + transfer.writing < WINDOW_BLOCKS) {
      const [again] = missing;
      const index = again ?? (transfer.next < blocksOf(label.bytes) ? transfer.next++ : null);
      if (index === null) return;
      missing.delete(index);
      asked.set(index, clock.now());
      send(from, { type: 'block-ask', ...label, index });
    }
  }

  #abandon(reason: string): void {
    const transfer = this.#transfer;
    this.#transfer = null;
    if (transfer === null) return;
    this.#options.failed(reason);
    this.#drop(transfer.name);
  }

  #drop(name: string): void {
    const { group, store, failed } = this.#options;
    store
      .dropCheckpoint(group, name)
      .catch((error: unknown) => failed(`${name} could not be dropped: ${String(error)}`));
  }
}
