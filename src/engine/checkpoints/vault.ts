// The vault: a group's checkpoints on this node. It restores the newest at start, has new ones taken and the log trimmed
// (checkpointer.ts), lends them to peers (lender.ts), fetches a peer's when the log no longer reaches back far enough
// (fetcher.ts), and puts a fetched one in place while the node runs. Putting in place is one flush (which checkpoint counts,
// where the log goes on, who the members are) and one act in memory; the promise is touched by neither.
import type { GroupId, InstanceId, Millis, NodeId } from '../../core/ids.js';
import { InvariantBroken } from '../../core/invariant.js';
import type { Membership } from '../../core/membership.js';
import type { Input } from '../../core/replica.js';
import { MEMBERSHIP } from '../../machines/batch.js';
import { readReservedRow } from '../../machines/group-snapshot.js';
import type { MachineRouter } from '../../machines/router.js';
import { SnapshotDamaged } from '../../machines/sections.js';
import { PaxmeshError } from '../errors.js';
import type { Applier } from '../log/applier.js';
import type { RecentLog } from '../log/recent-log.js';
import type { LogStore, StoreWrite } from '../log-store.js';
import type { Block, BlockAsk, CheckpointOffer, HostMessage } from '../peer-messages.js';
import type { Clock, TraceNote } from '../ports.js';
import { type Checkpoint, checkpointOf, checkpointVariable, readBlocks } from './checkpoint.js';
import { Checkpointer } from './checkpointer.js';
import { Fetcher } from './fetcher.js';
import { Lender } from './lender.js';

export interface VaultOptions {
  readonly group: GroupId;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly router: MachineRouter;
  readonly applier: Applier;
  readonly log: RecentLog;
  /** The replica's open instance; null: it is not there, and nothing can be written. */
  readonly open: () => InstanceId | null;
  /** The state is what the log says. Another one is neither written down nor lent. */
  readonly isSound: () => boolean;
  readonly send: (to: NodeId, message: HostMessage) => void;
  /** Resolves when the write is on disk; rejects when the store failed. Writes of one turn are one flush. */
  readonly write: (write: StoreWrite) => Promise<void>;
  readonly input: (input: Input) => void;
  /** Another state is in place: members, master and log are not what they were. Called before the replica hears of it. */
  readonly installed: () => void;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
  /** A rule is broken: stop the node. */
  readonly fatal: (error: unknown) => void;
}

export type VaultMessage = CheckpointOffer | BlockAsk | Block;

export class Vault {
  readonly #options: VaultOptions;
  readonly #checkpointer: Checkpointer;
  readonly #lender: Lender;
  readonly #fetcher: Fetcher;
  /** Counts the failures of the store: what was put before the last one may be gone. */
  #failures = 0;

  constructor(options: VaultOptions) {
    const { clock, open, isSound, input } = options;
    this.#options = options;
    this.#checkpointer = new Checkpointer({
      ...options,
      isUp: () => open() !== null && isSound(),
      needed: () => this.#lender.needed(),
      inUse: () => this.#inUse(),
    });
    this.#lender = new Lender({
      ...options,
      now: () => clock.now(),
      current: () => (isSound() ? this.#checkpointer.current : null),
      failed: this.#failed('lend-failed'),
    });
    this.#fetcher = new Fetcher({
      ...options,
      open: () => open() ?? Number.POSITIVE_INFINITY,
      gotOn: () => input({ type: 'fetching' }),
      arrived: (checkpoint) => void this.#arrived(checkpoint),
      failed: this.#failed('fetch-failed'),
    });
  }

  /** The newest that counts; null: none was taken yet. */
  get current(): Checkpoint | null {
    return this.#checkpointer.current;
  }

  /** A checkpoint is on its way here. */
  get isFetching(): boolean {
    return this.#fetcher.isBusy;
  }

  get wakeAt(): Millis | null {
    return this.#fetcher.wakeAt;
  }

  /**
   * Brings the state up to the stored checkpoint, unless it is there already. null: there is none to build on. A damaged one
   * is given up: the log is applied from its beginning, or, where that is trimmed, a peer's checkpoint is fetched.
   */
  async load(variables: ReadonlyMap<string, string>): Promise<Checkpoint | null> {
    const { router, applier, trace } = this.#options;
    const checkpoint = checkpointOf(variables);
    let base = checkpoint;
    if (checkpoint !== null && router.applied < checkpoint.instance) {
      try {
        (await router.prepare(checkpoint.instance, this.#blocks(checkpoint)))();
        applier.installed(checkpoint.chain);
      } catch (error) {
        if (!(error instanceof SnapshotDamaged)) throw error;
        const { instance } = checkpoint;
        trace({ name: 'checkpoint-damaged', level: 'error', facts: { instance, detail: error.message } });
        base = null;
      }
    }
    await this.#checkpointer.loaded(base);
    return base;
  }

  /** What a peer asks of the log is trimmed or not taught: a checkpoint takes its place, one that reaches up to `teachesFrom`. */
  offer(to: NodeId, teachesFrom: InstanceId): void {
    const isFarEnough = (this.current?.instance ?? -1) + 1 >= teachesFrom;
    const ready = isFarEnough ? Promise.resolve(null) : this.take();
    ready.then(
      () => this.#lender.offer(to),
      (error: unknown) => {
        this.#options.trace({ name: 'checkpoint-failed', level: 'warn', facts: { reason: String(error) } });
      },
    );
  }

  received(from: NodeId, message: VaultMessage): void {
    switch (message.type) {
      case 'checkpoint':
        this.#fetcher.offered(from, message);
        return;
      case 'block-ask':
        this.#lender.asked(from, message);
        return;
      case 'block':
        this.#fetcher.received(from, message);
        return;
    }
  }

  /** `withinMs`: how long to wait for it; absent: until it is there. */
  async take(withinMs?: Millis): Promise<Checkpoint> {
    if (!this.#options.isSound()) throw new PaxmeshError('halted', 'the state is not what the other nodes have');
    return this.#checkpointer.take(withinMs);
  }

  /** Something was applied, or the group keeps more or less than before. */
  consider(): void {
    this.#checkpointer.consider();
  }

  tick(now: Millis): void {
    this.#fetcher.tick(now);
  }

  /** The store failed, or the node goes. */
  suspend(): void {
    this.#failures++;
    this.#checkpointer.upset();
    this.#fetcher.abandon();
  }

  close(): void {
    this.#fetcher.abandon();
    this.#checkpointer.close();
  }

  async #arrived(checkpoint: Checkpoint): Promise<void> {
    const { group, store, applier, fatal, trace } = this.#options;
    const { instance, bytes, name } = checkpoint;
    /** From then on it may be the one that counts. */
    let isNamed = false;
    try {
      if (applier.isBusy) throw new Error('another snapshot is being read');
      await applier.pauseFor(async () => {
        const act = await this.#prepared(checkpoint);
        if (act === null) return;
        isNamed = true;
        await this.#putInPlace(checkpoint, act);
      });
      this.#fetcher.done();
      if (this.current?.name === name) trace({ name: 'installed', level: 'info', facts: { instance, bytes } });
    } catch (error) {
      this.#fetcher.foundWanting();
      if (error instanceof InvariantBroken) fatal(error);
      const reason = error instanceof Error ? error.message : String(error);
      trace({ name: 'install-failed', level: 'error', facts: { instance, reason } });
    } finally {
      // Fetched again and again it would fill the disk.
      if (!isNamed) store.dropCheckpoint(group, name).catch(this.#failed('fetch-failed'));
    }
  }

  /**
   * Reads all of it. Answers what switches to it, with who decides the next instance then; null: it is not wanted any more,
   * because the log was taught in the ordinary way meanwhile.
   */
  async #prepared(checkpoint: Checkpoint): Promise<(() => Membership) | null> {
    const { router, applier, open } = this.#options;
    const { instance, chain } = checkpoint;
    const failures = this.#failures;
    let act: () => Membership;
    if (instance > router.applied) {
      const switchState = await router.prepare(instance, this.#blocks(checkpoint));
      act = () => {
        switchState();
        applier.installed(chain);
        return router.membership.membership;
      };
    } else {
      // The store has lost the end of a log that was applied: only the log goes on, the state is newer than this.
      const row = await readReservedRow(this.#blocks(checkpoint), MEMBERSHIP);
      act = () => row as Membership;
    }
    if (failures !== this.#failures) throw new Error('the store failed meanwhile');
    return (open() ?? Number.POSITIVE_INFINITY) > instance ? null : act;
  }

  async #putInPlace(checkpoint: Checkpoint, act: () => Membership): Promise<void> {
    const { group, store, router, log, write, input, installed } = this.#options;
    const { instance, chain } = checkpoint;
    const { applied } = router;
    const membership = act();
    this.#checkpointer.upset();
    log.installed(instance);
    // One flush: what is written and said from here on stands behind it.
    const durable = Promise.all([
      write(checkpointVariable(checkpoint)),
      write({ type: 'begin', instance: instance + 1 }),
    ]);
    if (router.applied !== applied) installed();
    input({ type: 'install', instance, chain, membership });
    router.forgetBelow(instance + 1);
    await durable;
    await this.#checkpointer.replaced(checkpoint);
    await store.trim(group, instance + 1);
  }

  #blocks(checkpoint: Checkpoint): AsyncIterable<Uint8Array> {
    const { store, group } = this.#options;
    return readBlocks(store, group, checkpoint.name, checkpoint);
  }

  #failed(name: string): (error: unknown) => void {
    return (error) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.trace({ name, level: 'warn', facts: { reason } });
    };
  }

  #inUse(): ReadonlySet<string> {
    const names = new Set(this.#lender.inUse());
    if (this.#fetcher.inUse !== null) names.add(this.#fetcher.inUse);
    return names;
  }
}
