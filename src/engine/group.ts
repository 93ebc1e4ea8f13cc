// A group on this node, as the pump drives it: the replica with everything around it that turns commands into values and
// chosen entries into answers. Its life (load, suspend, drain, close) and its part in the protocol stand here; what the
// edge asks is answered at its desk. What it is made of is group-rooms.ts. It owns no socket, disk or timer; those are the
// pump's and the ports'.
import { CHAIN_START } from '../core/chain.js';
import type { Diverged, Entry, Serve, Settled } from '../core/effects.js';
import type { GroupId, InstanceId, Millis, NodeId } from '../core/ids.js';
import type { Member } from '../core/membership.js';
import type { Message } from '../core/message.js';
import { earliest, Replica } from '../core/replica.js';
import type { Value } from '../core/value.js';
import { MEMBERSHIP } from '../machines/batch.js';
import { membershipAfter } from '../machines/membership-machine.js';
import { PaxmeshError } from './errors.js';
import type { GroupDesk } from './group-desk.js';
import { type GroupOptions, GroupRooms } from './group-rooms.js';
import { chainOf } from './log/checksum.js';
import { decidingAt, gidOf, recover, versionOf } from './log/recovery.js';
import { FOUNDER } from './members/founding.js';
import { pause } from './pause.js';
import type { HostMessage } from './peer-messages.js';
import type { PeerHello } from './ports.js';
import type { Pumped } from './pump.js';
import { RECOVERED_VARIABLE } from './rescue/group-recovery.js';

const SWEEP_MS = 20;

export class Group implements Pumped {
  readonly name: GroupId;
  readonly #options: GroupOptions;
  readonly #rooms: GroupRooms;
  /** The log was read once since this process began. */
  #isReplayed = false;
  #replica: Replica | null = null;
  #sweepAt: Millis | null = null;
  /** Sealing waits until then for more. */
  #gatherUntil: Millis | null = null;

  constructor(options: GroupOptions) {
    this.name = options.name;
    this.#options = options;
    this.#rooms = new GroupRooms(options, this);
  }

  /** Where the edge asks. */
  get desk(): GroupDesk {
    return this.#rooms.desk;
  }

  // ------------------------------------------------------------------------------------------ life

  /** Reads the group from the open store and takes part from then on. Also after a store failure. */
  async load(): Promise<void> {
    const { store, storeId, self, clock, name } = this.#options;
    const base = await this.#rooms.vault.load(await store.variables(name));
    const stored = await store.load(name, base === null ? 0 : base.instance + 1);
    for (const { instance, detail } of stored.damage) {
      this.#rooms.trace({ name: 'damage', level: 'error', facts: { instance, detail } });
    }
    const { open, keptFrom, vote, votesFrom, lostVote } = recover(stored, base);
    this.#rooms.roster.lostVote = lostVote;
    this.#rooms.roster.storedGid = gidOf(stored.variables.get('membership'));
    this.#rooms.teacher.teachesFrom = versionOf(stored.variables.get(RECOVERED_VARIABLE)) + 1;
    this.#rooms.founding.loaded(stored.promised.round > 0 || stored.variables.has(FOUNDER));
    const isBack = this.#isReplayed;
    if (!isBack) await this.#replay(keptFrom, open, stored.firstKept);
    const isAfterBase = base !== null && open === base.instance + 1;
    const before = isAfterBase || open === 0 ? [] : await store.read(name, open - 1, 1, 1);
    const known = Math.min(open, this.#rooms.router.applied + 1);
    const membership = await decidingAt(open, known, this.#rooms.roster.deciding(known), store, name);
    this.#replica = new Replica(
      {
        self,
        store: storeId,
        open,
        chain: isAfterBase ? base.chain : (before[0]?.checksum ?? CHAIN_START),
        promised: stored.promised,
        vote,
        membership,
        votesFrom,
        mayFound: this.#rooms.founding.mayFound,
        seed: Math.floor(clock.random() * 2 ** 32),
      },
      { chain: chainOf, membershipAfter },
      clock.now(),
    );
    this.#rooms.standing.loaded();
    // What was applied while the store was away asked in vain for a checkpoint, or for the log to be trimmed.
    if (isBack) this.#rooms.vault.consider();
  }

  /** The store failed: what the replica held in memory is not to be trusted any more. */
  suspend(code: 'store-unavailable' | 'fenced' | 'halted', detail: string): void {
    this.#replica = null;
    this.#rooms.standing.outage = { code, detail };
    this.#rooms.vault.suspend();
    this.#rooms.committer.interrupted();
    this.#rooms.desk.reads.suspended(new PaxmeshError(code, detail));
    if (code !== 'store-unavailable') this.#rooms.committer.abandon((sent) => abandoned(code, detail, sent));
  }

  /** The store does not come back, maybe for another reason than it went. */
  stillOut(detail: string): void {
    this.#rooms.standing.stillOut(detail);
  }

  connected(peer: PeerHello): void {
    this.#rooms.roster.connected(peer);
    this.reconnected(peer.id);
  }

  /** The link to a peer stands, or this group is there again and the link has stood all the time. */
  reconnected(peer: NodeId): void {
    this.#rooms.founding.connected(peer);
    this.#rooms.desk.reads.connected(peer);
    this.#options.pump.input(this, { type: 'connected', peer });
  }

  disconnected(peer: NodeId): void {
    this.#rooms.committer.forwards.disconnected(peer);
    this.#options.pump.touch(this);
  }

  /** Takes no new proposals; resolves when those under way are answered and the lease is given back, or at the time. */
  async drain(withinMs: Millis): Promise<void> {
    this.#rooms.standing.draining = true;
    const { clock, pump } = this.#options;
    const until = clock.now() + withinMs;
    while (!this.#rooms.committer.idle && clock.now() < until) await pause(clock, 10);
    // Whoever still waits is told so while there is a connection to tell it on.
    this.#rooms.committer.abandon((sent) => abandoned('draining', 'this node is shutting down', sent));
    if (!this.#rooms.lease.release(clock.now())) return;
    pump.touch(this);
    while (this.#rooms.lease.isGivingBack(clock.now()) && clock.now() < until && this.#rooms.roster.hasQuorum()) {
      await pause(clock, 10);
    }
  }

  close(): void {
    this.#rooms.standing.draining = true;
    this.#rooms.committer.abandon((sent) => abandoned('draining', 'this node is shutting down', sent));
    this.#rooms.desk.reads.close();
    this.#rooms.applier.close();
    this.#rooms.vault.close();
    this.#replica = null;
  }

  /** Every member this group knows of, for the links. */
  get members(): readonly Member[] {
    return this.#rooms.roster.current.members;
  }

  get gid(): string | null {
    return this.#rooms.roster.gid;
  }

  // ------------------------------------------------------------------------------------------ Pumped

  get replica(): Replica | null {
    return this.#replica;
  }

  dispatch(now: Millis): Value | null {
    this.#gatherUntil = null;
    const replica = this.#replica;
    const { committer, forwarder, lease, roster, time } = this.#rooms;
    if (replica === null || !committer.hasWork) return null;
    if (replica.membership.gid === null) return this.#foundingValue(replica, now);
    const target = forwarder.target(replica, lease.state?.node ?? null, now);
    if (target !== null) forwarder.forwardTo(target, now, !replica.isLevel);
    if (!replica.wantsValue || !roster.hasQuorum(replica.membership)) return null;
    this.#gatherUntil = target === null ? committer.gatherUntil(now) : null;
    return this.#gatherUntil === null ? committer.seal(target !== null, time.timeMs) : null;
  }

  chosen(entries: readonly Entry[]): void {
    for (const entry of entries) if (this.#rooms.log.push(entry)) this.#rooms.applier.offer(entry);
    this.#rooms.positions.advanced(this.#options.clock.now());
    this.#rooms.desk.feed.advanced();
  }

  settled(settled: Settled): void {
    this.#rooms.committer.settled(settled);
  }

  serve({ to, from }: Serve): void {
    this.#rooms.teacher.serve(to, from);
  }

  diverged({ instance, peer, mine, theirs }: Diverged): void {
    const sums = `checksum ${mine.toString(16)} here, ${theirs.toString(16)} at ${peer}`;
    const detail = `the logs have diverged before instance ${instance}: ${sums}`;
    this.#rooms.standing.condemn(detail);
    this.#rooms.committer.interrupted();
    this.#rooms.desk.reads.suspended(new PaxmeshError('halted', detail));
    this.#rooms.trace({ name: 'diverged', level: 'error', facts: { instance, peer, mine, theirs } });
  }

  heard(from: NodeId, message: Message): void {
    this.#rooms.roster.heard(from, message);
  }

  hostMessage(from: PeerHello, message: HostMessage, now: Millis): void {
    switch (message.type) {
      case 'forward':
        this.#rooms.forwarder.received(from.id, message, this.#replica, this.#rooms.standing.refusal(), now);
        return;
      case 'forward-refused':
        this.#rooms.committer.forwards.refused(message, now);
        return;
      case 'forward-settled':
        this.#rooms.forwarder.settledElsewhere(message);
        return;
      case 'empty':
        // The group stands: whoever still has nothing was cut off when it was founded, and may know of nobody to ask.
        if (this.gid !== null) this.serve({ to: from.id, from: 0 });
        else this.#rooms.founding.received(from.id, message);
        return;
      case 'position':
        this.#rooms.positions.heard(from, message);
        return;
      case 'resign':
        this.#rooms.lease.resign(message.version, message.heir, now);
        return;
      case 'checkpoint':
      case 'block-ask':
      case 'block':
        this.#rooms.vault.received(from.id, message);
        return;
      case 'read-ask':
        this.#rooms.desk.reads.asked(from.id, message);
        return;
      case 'read-at':
        this.#rooms.desk.reads.answered(from, message);
        return;
    }
  }

  get othersWait(): boolean {
    return this.#rooms.committer.hasRemote;
  }

  get wakeAt(): Millis | null {
    const now = this.#options.clock.now();
    const { committer, founding, steward, preference, lease, desk, alarms, vault, positions } = this.#rooms;
    if (committer.needsSweep) this.#sweepAt ??= now + SWEEP_MS;
    const ofChores = earliest(founding.wakeAt(now), earliest(steward.wakeAt, preference.wakeAt));
    const ofRooms = earliest(lease.wakeAt, earliest(desk.reads.wakeAt, ofChores));
    const ofState = earliest(alarms.wakeAt(now), vault.wakeAt);
    return earliest(earliest(ofRooms, ofState), earliest(this.#sweepAt, earliest(positions.wakeAt, this.#gatherUntil)));
  }

  tick(now: Millis): void {
    this.#gatherUntil = null;
    const replica = this.#replica;
    const { lease, roster, standing, founding, steward, preference, alarms, vault } = this.#rooms;
    const { desk, consequences, positions } = this.#rooms;
    const eligible = replica !== null && replica.mayVote && replica.isLevel && standing.halted === null;
    lease.tick(now, eligible, roster.rank);
    founding.tick(now);
    steward.tick(now);
    preference.tick(now);
    alarms.tick(now);
    vault.tick(now);
    desk.reads.tick(now);
    consequences.tick(now);
    positions.tick(now);
    if (this.#sweepAt === null || now < this.#sweepAt) return;
    this.#sweepAt = null;
    this.#rooms.committer.sweep(now, () => this.#rooms.standing.unproposed());
    this.#rooms.forwarder.forget(now);
  }

  durable(open: InstanceId): void {
    this.#rooms.log.durable(open - 1);
  }

  // ------------------------------------------------------------------------------------------ inside

  /** Applies what the log holds beyond the state that the checkpoint gave. */
  async #replay(keptFrom: InstanceId, open: InstanceId, storedFrom: InstanceId): Promise<void> {
    this.#isReplayed = true;
    const { router, consequences, log, applier, lease, roster } = this.#rooms;
    if (router.applied >= 0) consequences.restored();
    log.begin(keptFrom, open, storedFrom);
    await applier.pauseFor(async () => {});
    lease.started(router.master.state, this.#options.clock.now(), roster.rank);
  }

  /** Instance 0. What waits in the queue follows it; before there is a group there is nobody to hand it to. */
  #foundingValue({ wantsValue, membership }: Replica, now: Millis): Value | null {
    const { founding, roster, orders } = this.#rooms;
    if (!wantsValue || !founding.isDue(now) || !roster.hasQuorum(membership)) return null;
    return orders.valueOf(MEMBERSHIP, founding.order(membership));
  }
}

function abandoned(code: 'fenced' | 'halted' | 'draining', detail: string, sent: boolean): PaxmeshError {
  return new PaxmeshError(code, detail, sent ? { outcome: 'unknown' } : {});
}
