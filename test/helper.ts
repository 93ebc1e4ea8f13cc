// An app over a node that is not one: commits at once, into memory. What the edge does with requests is tested here
// without consensus; the real node is tested elsewhere.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type AppOptions, buildApp } from '../src/app.js';
import { PaxmeshError } from '../src/engine/errors.js';
import type {
  ChangeOptions,
  Follower,
  FollowOptions,
  GroupFace,
  MemberPatch,
  NewCommand,
  NewMember,
  NodeFace,
  OrderOptions,
  ProposeOptions,
  ReadOptions,
} from '../src/engine/face.js';
import type { GroupBackup, GroupRestore } from '../src/engine/rescue/backup-desk.js';
import type {
  BatchCommitted,
  CheckpointView,
  Committed,
  FeedEvent,
  GroupStatus,
  InstancePage,
  InstanceView,
  MasterView,
  MembersView,
  ProposalState,
  ReadAnswer,
  ReadyCheck,
  RestoredGroup,
  RetentionView,
  ValueView,
} from '../src/engine/views.js';

const given = (timeoutMs: number | undefined): number[] => (timeoutMs === undefined ? [] : [timeoutMs]);

export class FakeGroup implements GroupFace {
  readonly name: string;
  readonly log: InstanceView[] = [];
  readonly received: NewCommand[] = [];
  readonly options: (ProposeOptions | undefined)[] = [];
  /** Changes of members and master, as they came. */
  readonly orders: unknown[][] = [];
  readonly machines = ['log', 'kv'];
  firstKept = 0;
  /** Thrown by the next calls, while set. */
  failure: Error | null = null;
  master: Partial<MasterView> = {};
  checks: ReadyCheck[] = [{ name: 'store', ok: true, code: null, detail: 'takes writes' }];
  openFollowers = 0;
  readonly taken: CheckpointView[] = [];
  retention: RetentionView = { keepInstances: 1_000_000, trimming: 'running' };
  readonly #keys = new Map<string, { readonly digest: string; readonly answer: Committed }>();
  readonly #watchers = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  get applied(): number {
    return this.log.length - 1;
  }

  /** How many wait for the log to go on. */
  get readersWaiting(): number {
    return this.#watchers.size;
  }

  get lastChosen(): number {
    return this.log.length - 1;
  }

  async propose(command: NewCommand, options?: ProposeOptions): Promise<Committed> {
    if (this.failure !== null) throw this.failure;
    this.#check(command);
    this.options.push(options);
    const digest = createHash('sha256').update(command.bytes).digest('hex');
    const known = command.idempotencyKey === undefined ? undefined : this.#keys.get(command.idempotencyKey);
    if (known !== undefined) {
      if (known.digest !== digest) throw new PaxmeshError('idempotency-key-reused', 'the key came with another body');
      return { ...known.answer, replayed: true };
    }
    const answer = { instanceId: this.#append([command]), index: 0, result: null, replayed: false };
    if (command.idempotencyKey !== undefined) this.#keys.set(command.idempotencyKey, { digest, answer });
    return answer;
  }

  async proposeBatch(commands: readonly NewCommand[], options?: ProposeOptions): Promise<BatchCommitted> {
    if (this.failure !== null) throw this.failure;
    for (const command of commands) this.#check(command);
    this.options.push(options);
    return {
      instanceId: this.#append(commands),
      results: commands.map((_command, index) => ({ index, result: null })),
      replayed: false,
    };
  }

  async proposal(key: string): Promise<ProposalState> {
    const known = this.#keys.get(key);
    if (known === undefined) throw new PaxmeshError('key-not-found', 'nobody has proposed with this key');
    return { state: 'applied', instanceId: known.answer.instanceId, index: 0, result: null };
  }

  async instance(id: number): Promise<InstanceView> {
    if (id < this.firstKept)
      throw new PaxmeshError('instance-trimmed', 'trimmed', { facts: { firstKept: this.firstKept } });
    const view = this.log[id];
    if (view === undefined) throw new PaxmeshError('instance-not-chosen', `instance ${id} is not chosen`);
    return view;
  }

  async instances(from: number, limit: number, waitMs: number, signal?: AbortSignal): Promise<InstancePage> {
    if (from >= this.log.length && waitMs > 0) await this.#changed(waitMs, signal);
    const items = this.log.slice(from, from + limit);
    return { items, next: Math.max(from, from + items.length), firstKept: this.firstKept, lastChosen: this.lastChosen };
  }

  follow(options: FollowOptions): Follower {
    const start = { earliest: this.firstKept, now: this.log.length };
    const from = typeof options.from === 'number' ? options.from : start[options.from];
    this.openFollowers += 1;
    let position = from;
    let ended = false;
    const stop = new AbortController();
    return {
      from,
      next: async (waitMs): Promise<readonly FeedEvent[]> => {
        if (ended) return [];
        if (this.failure !== null) throw this.failure;
        if (position < this.firstKept) {
          ended = true;
          return [{ type: 'gap', requested: position, firstKept: this.firstKept, checkpoint: null }];
        }
        if (position >= this.log.length) await this.#changed(waitMs, stop.signal);
        const events: FeedEvent[] = [];
        for (const view of this.log.slice(position, position + 10)) {
          const values = view.values.filter(({ machine }) => options.machines?.includes(machine) ?? true);
          events.push(
            values.length === 0
              ? { type: 'bookmark', instanceId: view.instanceId }
              : { type: 'commit', instanceId: view.instanceId, values },
          );
          position = view.instanceId + 1;
        }
        return events;
      },
      close: () => {
        if (stop.signal.aborted) return;
        ended = true;
        this.openFollowers -= 1;
        stop.abort();
      },
    };
  }

  status(): GroupStatus {
    return {
      group: this.name,
      gid: 'gid-1',
      open: this.log.length,
      lastChosen: this.lastChosen,
      applied: this.applied,
      firstKept: this.firstKept,
      checkpoint: null,
      halted: null,
      master: this.masterView(),
      members: this.membersView().members,
      load: { queued: 0, queuedBytes: 0, waiting: 0, inFlight: false },
      peers: [{ id: 'b', connected: true, lastChosen: null }],
      store: { kind: 'memory', durable: false, available: true, warnings: [] },
    };
  }

  membersView(): MembersView {
    const member = { role: 'voter', live: true, lastChosen: null, needsReadmission: false } as const;
    const members = ['a', 'b'].map((id) => ({ ...member, id, url: `http://${id}.test` }));
    return { gid: 'gid-1', version: 0, members };
  }

  addMember(member: NewMember, options?: ChangeOptions): Promise<MembersView> {
    return this.#ordered('add', member, options);
  }

  updateMember(id: string, patch: MemberPatch, options?: ChangeOptions): Promise<MembersView> {
    return this.#ordered('update', id, patch, options);
  }

  removeMember(id: string, options?: ChangeOptions): Promise<MembersView> {
    return this.#ordered('remove', id, options);
  }

  replaceMember(id: string, by: { id: string; url: string }, options?: ChangeOptions): Promise<MembersView> {
    return this.#ordered('replace', id, by, options);
  }

  readmitMember(id: string, options?: ChangeOptions): Promise<MembersView> {
    return this.#ordered('readmit', id, options);
  }

  async releaseMaster({ timeoutMs }: OrderOptions = {}): Promise<MasterView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['release', ...given(timeoutMs)]);
    return this.masterView();
  }

  async transferMaster(to: string, { timeoutMs }: OrderOptions = {}): Promise<MasterView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['transfer', to, ...given(timeoutMs)]);
    return this.masterView();
  }

  preferredMaster: string | null = null;

  async preferMaster(node: string | null, { timeoutMs }: OrderOptions = {}): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['prefer', node, ...given(timeoutMs)]);
    this.preferredMaster = node;
  }

  async setLease(leaseMs: number, { timeoutMs }: OrderOptions = {}): Promise<MasterView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['lease', leaseMs, ...given(timeoutMs)]);
    return this.masterView();
  }

  async #ordered(...order: unknown[]): Promise<MembersView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(order);
    return this.change();
  }

  /** What every change of the membership ends with; a test may put its own here. */
  change = (): Promise<MembersView> => Promise.resolve(this.membersView());

  masterView(): MasterView {
    return {
      node: 'a',
      url: 'http://a.test',
      version: 1,
      renewal: 1,
      leaseMs: 10_000,
      expiresInMs: 9000,
      self: true,
      ...this.master,
    };
  }

  ready(): readonly ReadyCheck[] {
    return this.checks;
  }

  async read(machine: string, _question?: unknown, options?: ReadOptions): Promise<ReadAnswer> {
    if (this.failure !== null) throw this.failure;
    throw new PaxmeshError(
      'unknown-machine',
      `${machine} answers nothing here, ${options?.read ?? 'linearizable'} or not`,
    );
  }

  changed(waitMs: number, signal?: AbortSignal): Promise<void> {
    return this.#changed(waitMs, signal);
  }

  checkpoints(): readonly CheckpointView[] {
    return this.taken;
  }

  async takeCheckpoint({ timeoutMs }: OrderOptions = {}): Promise<CheckpointView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['checkpoint', ...given(timeoutMs)]);
    const takenAt = new Date(0).toISOString();
    const checkpoint = { instanceId: this.applied, bytes: 1, blocks: 1, checksum: '00000000', takenAt };
    this.taken.unshift(checkpoint);
    return checkpoint;
  }

  async setRetention(patch: Partial<RetentionView>, { timeoutMs }: OrderOptions = {}): Promise<RetentionView> {
    if (this.failure !== null) throw this.failure;
    this.orders.push(['retention', patch, ...given(timeoutMs)]);
    this.retention = { ...this.retention, ...patch };
    return this.retention;
  }

  backup(): GroupBackup {
    throw new PaxmeshError('halted', 'nothing to write down');
  }

  async beginRestore(): Promise<GroupRestore> {
    throw new PaxmeshError('precondition-failed', 'used before');
  }

  async barrier(): Promise<number> {
    return this.applied;
  }

  #check(command: NewCommand): void {
    if (command.machine.startsWith('$')) throw new PaxmeshError('forbidden', 'reserved');
    if (command.machine !== 'log' && command.machine !== 'kv')
      throw new PaxmeshError('unknown-machine', 'no such machine');
  }

  #append(commands: readonly NewCommand[]): number {
    this.received.push(...commands);
    const instanceId = this.log.length;
    this.log.push({ instanceId, checksum: '00000000', values: commands.map(viewOf) });
    for (const wake of [...this.#watchers]) wake();
    return instanceId;
  }

  #changed(waitMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#watchers.add(done);
      signal?.addEventListener('abort', done);
    });
  }
}

function viewOf({ machine, encoding, bytes }: NewCommand, index: number): ValueView {
  const text = Buffer.from(bytes);
  const shown = {
    json: () => text.toString(),
    utf8: () => JSON.stringify(text.toString()),
    base64: () => JSON.stringify(text.toString('base64')),
  };
  return { index, machine, encoding, valueJson: shown[encoding]() };
}

export class FakeNode implements NodeFace {
  readonly id = 'a';
  readonly url = 'http://a.test';
  readonly groupNames = ['main', 'orders'];
  readonly main: FakeGroup;
  readonly orders = new FakeGroup('orders');
  drains = 0;

  constructor(main = new FakeGroup('main')) {
    this.main = main;
  }

  group(name: string): FakeGroup | undefined {
    return this.groupNames.includes(name) ? this[name as 'main' | 'orders'] : undefined;
  }

  status() {
    const store = { kind: 'memory', durable: false, warnings: [] };
    return { id: this.id, url: this.url, version: '0.0.0', uptimeMs: 1, store, groups: this.groupNames };
  }

  ready(): readonly ReadyCheck[] {
    return this.main.ready();
  }

  /** What a backup gives; a test may put its own here. */
  backup = async (): Promise<AsyncIterable<Uint8Array>> => Readable.from([Buffer.from('all '), Buffer.from('of it')]);

  /** The bytes of the last restore. */
  restored: Buffer | null = null;
  /** How long it was said to be. */
  restoredBytes: number | null | undefined;

  async restore(stream: AsyncIterable<Uint8Array>, bytes?: number | null): Promise<readonly RestoredGroup[]> {
    this.restoredBytes = bytes;
    const pieces: Uint8Array[] = [];
    for await (const piece of stream) pieces.push(piece);
    this.restored = Buffer.concat(pieces);
    return [{ group: 'main', gid: 'gid-1', instanceId: 7 }];
  }

  async drain(): Promise<void> {
    this.drains += 1;
  }
}

export interface Edge {
  readonly app: FastifyInstance;
  readonly node: FakeNode;
  readonly main: FakeGroup;
}

export const VALUE_BYTES_MAX = 1024;

/** An app that is ready for inject; close it after the test. */
export async function buildEdge(
  options: Partial<AppOptions['config']> & Pick<AppOptions, 'times'> = {},
  main?: FakeGroup,
): Promise<Edge> {
  const node = new FakeNode(main);
  const { times, ...settings } = options;
  const config = { valueBytesMax: VALUE_BYTES_MAX, tokens: [], tls: null, logLevel: 'silent', ...settings };
  const app = await buildApp({ node, config, loggerOptions: false, ...(times === undefined ? {} : { times }) });
  await app.ready();
  return { app, node, main: node.main };
}
