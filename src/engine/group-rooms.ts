// The rooms of a group: its parts, each in a file of its own, made and connected here. Nothing happens here; when each has
// its turn is group.ts. What one room says to another in a callback comes after all of them stand.
import type { GroupId, Millis, NodeId, StoreId } from '../core/ids.js';
import type { Membership } from '../core/membership.js';
import type { Input, Replica } from '../core/replica.js';
import { MASTER, MEMBERSHIP } from '../machines/batch.js';
import type { StateMachine } from '../machines/machine.js';
import { MachineRouter } from '../machines/router.js';
import { Vault } from './checkpoints/vault.js';
import type { PaxmeshError } from './errors.js';
import { GroupDesk } from './group-desk.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { LAG_MAX } from './lease/master-desk.js';
import { Preference } from './lease/preference.js';
import { Applier } from './log/applier.js';
import { Consequences } from './log/consequences.js';
import { RecentLog } from './log/recent-log.js';
import { Teacher } from './log/teacher.js';
import type { LogStore } from './log-store.js';
import { FOUNDER, Founding } from './members/founding.js';
import { Positions } from './members/positions.js';
import { Roster } from './members/roster.js';
import { Steward } from './members/steward.js';
import type { PeerMessage } from './peer-messages.js';
import type { Clock, PeerAddress, Trace, TraceNote, Transport } from './ports.js';
import { Committer } from './proposals/committer.js';
import { Forwarder } from './proposals/forwarder.js';
import type { Pump, Pumped } from './pump.js';
import { Standing } from './standing.js';
import { Alarms } from './state/alarms.js';
import { GroupTime } from './state/group-time.js';
import { StateGuard } from './state/state-guard.js';
import { SystemOrders } from './system-orders.js';

export interface GroupOptions {
  readonly name: GroupId;
  readonly self: NodeId;
  /** Unique for this start of this node. */
  readonly origin: string;
  readonly storeId: StoreId;
  /** The configured members; used only while the group has no membership of its own. */
  readonly founding: Membership;
  readonly leaseMs: Millis;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  readonly apiPath?: string | undefined;
  readonly keepInstancesMin?: number | undefined;
  readonly machines: readonly StateMachine[];
  readonly store: LogStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly pump: Pump;
  readonly trace: Trace;
  /** The membership changed: the node sees to the links. */
  readonly membersChanged: () => void;
  /** Keeps a link with a node that is not a member yet; the answer ends that. */
  readonly invite: (guest: PeerAddress) => () => void;
  readonly fatal: (error: unknown) => void;
}

export class GroupRooms {
  readonly router: MachineRouter;
  readonly roster: Roster;
  readonly committer: Committer;
  readonly orders: SystemOrders;
  readonly log: RecentLog;
  readonly time: GroupTime;
  readonly lease: LeaseKeeper;
  readonly forwarder: Forwarder;
  readonly applier: Applier;
  readonly vault: Vault;
  readonly teacher: Teacher;
  readonly founding: Founding;
  readonly standing: Standing;
  readonly positions: Positions;
  readonly desk: GroupDesk;
  readonly consequences: Consequences;
  readonly steward: Steward;
  readonly preference: Preference;
  readonly alarms: Alarms;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;

  /** `group`: whose rooms these are, as the pump knows it. */
  constructor(options: GroupOptions, group: Pumped) {
    const { name, self, origin, store, transport, clock, pump } = options;
    const now = () => clock.now();
    const random = () => clock.random();
    const replica = (): Replica | null => group.replica;
    const open = () => replica()?.open ?? null;
    const arrived = () => pump.touch(group);
    const input = (one: Input) => pump.input(group, one);
    const send = (to: NodeId, message: PeerMessage) => {
      pump.outbox.send(to, name, message);
      pump.touch(group);
    };
    // System variables stand beside the log for offline reading, and prove at load that the log is whole.
    const write = (variable: string, value: unknown) => {
      if (replica() === null) return;
      pump.write(name, { type: 'variable', name: variable, json: JSON.stringify(value) });
    };
    const trace = (note: Omit<TraceNote, 'group'>) => options.trace({ ...note, group: name });
    this.trace = trace;

    const router = new MachineRouter(options.founding, options.machines, options.keepInstancesMin);
    this.router = router;
    const roster = new Roster(self, options.storeId, options.founding, transport);
    this.roster = roster;
    // Answers to a former life of this node are never taken for answers to this one.
    const firstNumber = Math.floor(clock.random() * 2 ** 52);
    const committer = new Committer(origin, firstNumber);
    this.committer = committer;
    const orders = new SystemOrders(origin, committer, arrived);
    this.orders = orders;
    const log = new RecentLog(store, name);
    this.log = log;
    const time = new GroupTime(now);
    this.time = time;
    const timeMs = () => time.timeMs;

    const leaseMs = () => router.master.leaseMs ?? options.leaseMs;
    const propose = (order: unknown, wanted: () => boolean) => orders.propose(MASTER, order, wanted);
    const lease = new LeaseKeeper({ self, origin, leaseMs, random, propose }, clock.now());
    this.lease = lease;
    const isConnected = (node: NodeId) => transport.isConnected(node);
    this.forwarder = new Forwarder({ self, committer, router, send, isConnected, trace });
    const applier = new Applier(router, log, clock, {
      applied: (applied) => this.consequences.applied(applied),
      halted: (reason) => {
        trace({ name: reason === null ? 'resumed' : 'halted', level: 'error', facts: { reason } });
      },
      fatal: options.fatal,
    });
    this.applier = applier;
    const vault = new Vault({
      ...{ group: name, store, clock, router, applier, log, open, send, input, trace },
      isSound: () => this.standing.isSound,
      write: (one) => pump.writeDurably(name, one),
      installed: () => this.consequences.installed(),
      fatal: options.fatal,
    });
    this.vault = vault;
    const offer = (to: NodeId) => vault.offer(to, this.teacher.teachesFrom);
    this.teacher = new Teacher(log, send, offer, (error) => {
      trace({ name: 'teach-failed', level: 'warn', facts: { reason: String(error) } });
    });

    // Nothing of this group was ever voted or learned in this store, and nothing can be missing from it.
    const isEmpty = () => open() === 0 && replica()?.acceptor.vote === null && roster.lostVote === null;
    const confirmed = () => {
      write(FOUNDER, { version: -1 });
      input({ type: 'may-found' });
    };
    const founding = new Founding({ roster, random, send, isEmpty, confirmed }, clock.now());
    this.founding = founding;
    const standing = new Standing({ group: name, roster, founding, applier, committer, replica });
    this.standing = standing;
    const readsEnd = (error: PaxmeshError) => this.desk.reads.suspended(error);
    const guard = new StateGuard({ self, router, standing, committer, readsEnd, trace });
    const part = (peer: NodeId) => transport.part(peer);
    this.positions = new Positions({ roster, log, guard, open, input, send, part, trace });

    const compareWith = (peer: NodeId) => input({ type: 'connected', peer });
    const rooms = { committer, router, applier, log, lease, roster, standing, vault };
    const ofReads = { firstRound: firstNumber, compareWith, timeMs };
    const desk = new GroupDesk({ ...options, ...rooms, ...ofReads, replica, arrived, say: send });
    this.desk = desk;
    const { membersChanged } = options;
    const ofState = { ...rooms, forwarder: this.forwarder, time, guard, desk };
    this.consequences = new Consequences({ ...ofState, now, write, membersChanged, trace });

    const isMaster = () => desk.masterView().self;
    const resign = (heir: NodeId | null) => {
      const { version } = desk.masterView();
      if (version !== null) lease.resign(version, heir, clock.now());
    };
    this.steward = new Steward({
      roster,
      isMaster,
      lastChosen: () => log.lastChosen,
      propose: (change, wanted) => orders.propose(MEMBERSHIP, change, wanted),
      resign,
    });
    this.preference = new Preference({
      roster,
      isMaster,
      preferred: () => router.master.preferred,
      isLevel: (id) => (roster.lastChosenAt(id) ?? -1) >= log.lastChosen - LAG_MAX,
      leaseMs: () => desk.masterView().leaseMs,
      resign,
    });
    this.alarms = new Alarms({
      machines: router.machines,
      timeMs,
      isMaster,
      propose: (machine, draft, wanted) => orders.proposeDraft(machine, draft, wanted),
      valueBytesMax: options.valueBytesMax,
      failed: (machine, error) => {
        trace({ name: 'alarm-failed', level: 'error', facts: { machine, reason: String(error) } });
      },
    });
  }
}
