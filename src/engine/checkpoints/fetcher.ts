// The fetcher: brings a peer's checkpoint onto this node's own disk, block by block, when the log no longer reaches back far
// enough. One at a time, in a window, each block checked as it comes; what is lost is asked for again, and a transfer that
// stands still is given up, so that another peer may be asked. A peer whose checkpoint came to nothing here is not asked again
// at once, but after a time that doubles. It changes nothing but blocks under a name of its own: putting
// the checkpoint in place is the group's act, when all of it is here.
import { crc32 } from 'node:zlib';
import type { GroupId, InstanceId, Millis, NodeId } from '../../core/ids.js';
import { BLOCK_BYTES, type LogStore } from '../log-store.js';
import type { Block, CheckpointLabel, CheckpointOffer, HostMessage } from '../peer-messages.js';
import type { Clock } from '../ports.js';
import { blocksOf, type Checkpoint, isSame, newName } from './checkpoint.js';

const WINDOW_BLOCKS = 8;
const ASK_AGAIN_MS = 1000;
const GIVE_UP_MS = 10_000;
/** A peer whose checkpoint could not be used: its next offer is taken after this, doubled each time, up to the maximum. */
const REST_MS = 1000;
const REST_MS_MAX = 300_000;
/** While a checkpoint that is here is being put in place, its lender is told so: it keeps the log behind it meanwhile. */
const STILL_HERE_MS = 10_000;
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

/** On disk, and about to be put in place. */
interface Arrived {
  readonly from: NodeId;
  readonly checkpoint: Checkpoint;
  lookAt: Millis;
}

interface Rest {
  readonly ms: Millis;
  readonly until: Millis;
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
  #arrived: Arrived | null = null;
  /** Peers whose last checkpoint came to nothing. As many as there are peers at most; empty again when one is in place. */
  readonly #rests = new Map<NodeId, Rest>();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#transfer !== null || this.#arrived !== null;
  }

  /** The name whose blocks must stay; null: none. */
  get inUse(): string | null {
    return this.#transfer?.name ?? this.#arrived?.checkpoint.name ?? null;
  }

  get wakeAt(): Millis | null {
    return this.#transfer?.lookAt ?? this.#arrived?.lookAt ?? null;
  }

  offered(from: NodeId, offer: CheckpointOffer): void {
    const { open, clock } = this.#options;
    if (offer.instance < open() || this.#arrived !== null) return;
    if (offer.bytes < 1 || offer.bytes > CHECKPOINT_BYTES_MAX) return;
    if (clock.now() < (this.#rests.get(from)?.until ?? 0)) return;
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
    this.#tellLender(now);
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

  /** The checkpoint that arrived is in place, or is not wanted any more. */
  done(): void {
    this.#arrived = null;
    this.#rests.clear();
  }

  /** The checkpoint that arrived could not be read, or not be put in place. */
  foundWanting(): void {
    if (this.#arrived !== null) this.#restFrom(this.#arrived.from);
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
      if (this.#transfer !== transfer) return;
      this.#restFrom(transfer.from);
      this.#abandon(`a block could not be written: ${String(error)}`);
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
    const { label, name, from } = transfer;
    const checkpoint: Checkpoint = { ...label, name, takenAt: new Date(clock.wallMs()).toISOString() };
    this.#arrived = { from, checkpoint, lookAt: clock.now() + STILL_HERE_MS };
    arrived(checkpoint);
  }

  /** Who asks for the block behind the last one has them all. */
  #tellLender(now: Millis): void {
    const arrived = this.#arrived;
    if (arrived === null || now < arrived.lookAt) return;
    arrived.lookAt = now + STILL_HERE_MS;
    const { instance, chain, crc, bytes } = arrived.checkpoint;
    this.#options.send(arrived.from, { type: 'block-ask', instance, chain, crc, bytes, index: blocksOf(bytes) });
  }

  #restFrom(peer: NodeId): void {
    const ms = Math.min((this.#rests.get(peer)?.ms ?? REST_MS / 2) * 2, REST_MS_MAX);
    this.#rests.set(peer, { ms, until: this.#options.clock.now() + ms });
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
