// A node: its groups over one pump, one store and one transport. It starts them, keeps the links to whoever the
// memberships name, and sees them through a store failure: everything in memory that might be ahead of the disk is thrown
// away, the store is opened again, and each group goes on from what the disk holds. Acknowledged values are never among
// what is thrown away; they are on a majority of disks.

import { getHeapStatistics } from 'node:v8';
import type { GroupId, Millis, NodeId } from '../core/ids.js';
import type { Member, Membership } from '../core/membership.js';
import { allMachines } from '../machines/bundled.js';
import type { StateMachine } from '../machines/machine.js';
import { StoreFenced } from './errors.js';
import type { GroupFace, NodeFace } from './face.js';
import { Group } from './group.js';
import type { LogStore, StoreOpening } from './log-store.js';
import { pause } from './pause.js';
import type { Clock, PeerAddress, PeerHello, Trace, Transport } from './ports.js';
import { Pump, type Pumped } from './pump.js';
import { NodeBackup } from './rescue/node-backup.js';
import type { NodeStatus, ReadyCheck, RestoredGroup } from './views.js';

const REOPEN_MS = 100;
const REOPEN_MS_MAX = 2000;

export interface PaxosNodeOptions {
  readonly id: NodeId;
  /** How peers and clients reach this node. */
  readonly url: string;
  readonly version: string;
  readonly groups: readonly GroupId[];
  /** Founding members; empty: wait to be added. */
  readonly members: readonly PeerAddress[];
  readonly leaseMs: Millis;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  /** What the paths of the API begin with, for links; empty when absent. */
  readonly apiPath?: string | undefined;
  /** How little of its log a group may agree to keep; for simulations, whose logs are short. */
  readonly keepInstancesMin?: number;
  /** The longest backup that is taken in; absent: as much as this process may hold at all. */
  readonly restoreBytesMax?: number;
  readonly store: LogStore;
  /** What `store.open()` returned. */
  readonly opening: StoreOpening;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly trace: Trace;
  /** A fresh set of the user's machines for one group; kv, lock and counter are there already. */
  readonly machines: (group: GroupId) => readonly StateMachine[];
  /** An invariant is broken: the process must stop. */
  readonly fatal: (error: unknown) => void;
}

export class PaxosNode implements NodeFace {
  readonly id: NodeId;
  readonly url: string;
  readonly groupNames: readonly GroupId[];
  readonly pump: Pump;
  readonly #options: PaxosNodeOptions;
  readonly #groups = new Map<GroupId, Group>();
  readonly #startedAt: Millis;
  readonly #backup: NodeBackup;
  /** Nodes to keep links with though no membership names them: newcomers, and whom a newcomer asks. */
  readonly #guests = new Set<PeerAddress>();
  #closed = false;

  constructor(options: PaxosNodeOptions) {
    const { id, url, groups, store, opening, transport, clock, trace, fatal } = options;
    this.#options = options;
    this.id = id;
    this.url = url;
    this.groupNames = groups;
    this.#startedAt = clock.now();
    this.#backup = new NodeBackup({
      id,
      version: options.version,
      groups: () => [...this.#groups.values()].map(({ desk }) => desk),
      wallMs: () => clock.wallMs(),
      restoreBytesMax: options.restoreBytesMax ?? getHeapStatistics().heap_size_limit,
    });
    const onFatal = (error: unknown) => {
      trace({ name: 'invariant-broken', level: 'error', facts: { detail: String(error) } });
      fatal(error);
    };
    this.pump = new Pump({ id, store: opening.identity }, store, transport, clock, {
      storeFailed: (error) => void this.#storeFailed(error),
      fatal: onFatal,
    });
    const random = Math.floor(clock.random() * 2 ** 32).toString(36);
    const origin = `${id}~${opening.epoch.toString(36)}.${random}`;
    for (const name of groups) {
      const group = new Group({
        name,
        self: id,
        origin,
        storeId: opening.identity,
        founding: foundingMembership(options.members),
        leaseMs: options.leaseMs,
        timeoutMs: options.timeoutMs,
        valueBytesMax: options.valueBytesMax,
        apiPath: options.apiPath,
        keepInstancesMin: options.keepInstancesMin,
        machines: allMachines(options.machines(name)),
        store,
        transport,
        clock,
        pump: this.pump,
        trace,
        membersChanged: () => this.#setPeers(),
        invite: (guest) => this.invite(guest),
        fatal: onFatal,
      });
      this.#groups.set(name, group);
      this.pump.add(group);
    }
  }

  /** Reads the groups from the store and starts taking part. */
  async start(): Promise<void> {
    const { transport } = this.#options;
    for (const group of this.#groups.values()) await group.load();
    transport.listen({
      received: (from, group, message) => this.pump.received(from, group, message),
      connected: (peer) => this.#connected(peer),
      disconnected: (peer) => this.#disconnected(peer),
    });
    this.pump.resume();
    this.#setPeers();
  }

  group(name: string): GroupFace | undefined {
    return this.#groups.get(name)?.desk;
  }

  /** The group as the pump drives it, for who watches the protocol itself. */
  pumped(name: string): Pumped | undefined {
    return this.#groups.get(name);
  }

  /** The cluster ids this node knows, for the handshake. null: not founded. */
  gids(): Record<GroupId, string | null> {
    return Object.fromEntries([...this.#groups].map(([name, group]) => [name, group.gid]));
  }

  status(): NodeStatus {
    const { version, store, clock } = this.#options;
    return {
      id: this.id,
      url: this.url,
      version,
      uptimeMs: Math.floor(clock.now() - this.#startedAt),
      store: { kind: store.kind, durable: store.durable, warnings: store.warnings },
      groups: this.groupNames,
    };
  }

  ready(): readonly ReadyCheck[] {
    return [...this.#groups.values()].flatMap(({ desk }) => desk.ready());
  }

  backup(): Promise<AsyncIterable<Uint8Array>> {
    return this.#backup.backup();
  }

  restore(stream: AsyncIterable<Uint8Array>, bytes: number | null = null): Promise<readonly RestoredGroup[]> {
    return this.#backup.restore(stream, bytes);
  }

  async drain(withinMs: Millis): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.drain(withinMs)));
  }

  /** Stops taking part. The store and the transport belong to who made them. */
  close(): void {
    this.#closed = true;
    for (const group of this.#groups.values()) group.close();
    this.pump.stop();
  }

  /** After a broken invariant, where the process goes on without this node: no group takes part or answers any more. */
  halt(detail: string): void {
    this.#closed = true;
    this.pump.stop();
    for (const group of this.#groups.values()) group.suspend('halted', detail);
  }

  /** Keeps a link with a node that no membership names. */
  invite(guest: PeerAddress): () => void {
    this.#guests.add(guest);
    this.#setPeers();
    return () => {
      if (this.#guests.delete(guest) && !this.#closed) this.#setPeers();
    };
  }

  #setPeers(): void {
    const peers = new Map<NodeId, PeerAddress>();
    for (const guest of this.#guests) peers.set(guest.id, guest);
    for (const group of this.#groups.values()) {
      for (const { id, url } of group.members) if (id !== this.id) peers.set(id, { id, url });
    }
    this.#options.transport.setPeers([...peers.values()]);
  }

  #connected(peer: PeerHello): void {
    this.#options.trace({ name: 'peer-connected', level: 'info', facts: { peer: peer.id } });
    for (const group of this.#groups.values()) group.connected(peer);
  }

  #disconnected(peer: PeerHello): void {
    this.#options.trace({ name: 'peer-disconnected', level: 'info', facts: { peer: peer.id } });
    for (const group of this.#groups.values()) group.disconnected(peer.id);
  }

  async #storeFailed(error: unknown): Promise<void> {
    const { trace } = this.#options;
    const detail = error instanceof Error ? error.message : String(error);
    trace({ name: 'store-failed', level: 'error', facts: { detail } });
    if (error instanceof StoreFenced) {
      for (const group of this.#groups.values()) group.suspend('fenced', detail);
      return;
    }
    for (const group of this.#groups.values()) group.suspend('store-unavailable', detail);
    await this.#reopen();
  }

  async #reopen(): Promise<void> {
    const { store, opening, clock, transport, trace } = this.#options;
    for (let waitMs = REOPEN_MS; !this.#closed; waitMs = Math.min(waitMs * 2, REOPEN_MS_MAX)) {
      await pause(clock, waitMs);
      if (this.#closed) return;
      try {
        const again = await store.reopen();
        if (again.identity !== opening.identity) throw new Error('the store behind the address is another one');
        for (const group of this.#groups.values()) await group.load();
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        trace({ name: 'store-still-failing', level: 'warn', facts: { detail } });
        if (!(error instanceof StoreFenced)) {
          for (const group of this.#groups.values()) group.stillOut(detail);
          continue;
        }
        for (const group of this.#groups.values()) group.suspend('fenced', detail);
        return;
      }
      if (this.#closed) return;
      trace({ name: 'store-back', level: 'info', facts: {} });
      this.pump.resume();
      for (const group of this.#groups.values()) {
        for (const { id } of group.members) if (id !== this.id && transport.isConnected(id)) group.reconnected(id);
      }
      return;
    }
  }
}

function foundingMembership(peers: readonly PeerAddress[]): Membership {
  const members = peers.map(({ id, url }): Member => ({ id, url, role: 'voter', store: null }));
  return { gid: null, version: -1, members };
}
