// Clients of the machines that every group has: they put, delete, compare and set, count and lock through any node, repeat a
// call under its idempotency key when they do not know its end, and read with every freshness. Every answer is held against
// the log. They also agree with the group on how much of the log is kept, and ask for checkpoints.
import type { GroupId, InstanceId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import { PaxmeshError } from '../engine/errors.js';
import type { GroupFace } from '../engine/face.js';
import type { ReadAnswer, ReadMode } from '../engine/views.js';
import type { Draft } from '../machines/machine.js';
import type { CallBook } from './checkers/call-book.js';
import { STATE_KEY } from './checkers/log-model.js';
import { STATE_MACHINES, type StateMachineName } from './checkers/machines-model.js';
import type { ReadBook, ReadClaim } from './checkers/read-book.js';
import type { Answer, ClientHooks, Clients } from './clients.js';
import type { Plan } from './plan.js';
import type { Life, SimNode } from './sim-node.js';
import { demand } from './violation.js';
import type { VirtualTime } from './virtual-time.js';
import type { Workload } from './workload.js';

const NAMES = ['a', 'b', 'c', 'd'];

export interface StateClientsOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly plan: Plan;
  readonly nodes: readonly SimNode[];
  readonly books: ReadonlyMap<GroupId, ReadBook>;
  readonly calls: CallBook;
  readonly clients: Clients;
  readonly workload: Workload | null;
  readonly hooks: ClientHooks;
}

export class StateClients {
  readonly #options: StateClientsOptions;
  readonly #groups: readonly GroupId[];
  /** ETags and fences that somebody has seen, by what they were seen on; some are out of date. */
  readonly #seen = new Map<string, unknown>();
  /** Reads answered, by what they were. */
  readonly reads: Record<ReadMode, number> = { linearizable: 0, lease: 0, local: 0 };
  installs = 0;
  #userMachine: string | null = null;

  constructor(options: StateClientsOptions) {
    this.#options = options;
    this.#groups = [...options.books.keys()];
  }

  start(): void {
    const { stateClients, userClients, stateThinkMs, keepInstances, checkpointEveryMs } = this.#options.plan;
    for (let place = 0; place < stateClients; place++) this.#repeat(stateThinkMs, () => this.#act(place));
    for (let place = 0; place < userClients; place++) this.#repeat(stateThinkMs, () => this.#command(place));
    if (keepInstances > 0) this.#repeat(300, () => this.#agree());
    if (checkpointEveryMs > 0) this.#repeat(checkpointEveryMs, () => this.#checkpoint());
  }

  /** Another node's checkpoint is in place here: all it shows must be what the log says. */
  installed(node: SimNode, life: Life, group: GroupId): void {
    this.installs++;
    this.audit(node, life, group);
  }

  /** Asks a process for everything. */
  audit(node: SimNode, life: Life, group: GroupId): void {
    const face = life.node?.group(group);
    const book = this.#options.books.get(group);
    if (face === undefined || book === undefined || face.status().halted !== null) return;
    for (const [machine, name] of book.things) {
      const claim = { where: `${node.id} ${group}, looked through`, machine, name, floor: -1, minInstance: -1 };
      this.#read(life, face, book, claim, { read: 'local' });
    }
  }

  #repeat(meanMs: number, act: () => Promise<void> | void): void {
    const { time, random, plan, hooks } = this.#options;
    const run = async () => {
      for (;;) {
        await new Promise<void>((resolve) => time.after(-Math.log(1 - random.next()) * meanMs, resolve));
        if (time.now >= Math.min(plan.durationMs, plan.quietFromMs)) return;
        await act();
      }
    };
    run().catch((error: unknown) => hooks.failed(error));
  }

  async #act(place: number): Promise<void> {
    const { random } = this.#options;
    const group = this.#pick(this.#groups);
    const machine = this.#pick(STATE_MACHINES);
    const name = this.#pick(NAMES);
    if (random.next() < 0.5) this.#ask(group, machine, name);
    else await this.#write(place, group, machine, name);
  }

  async #write(place: number, group: GroupId, machine: StateMachineName, name: string): Promise<void> {
    const answer = await this.#propose(place, group, machine, (number) => {
      const bytes = Buffer.from(JSON.stringify(this.#order(group, machine, name, number)));
      return { encoding: 'json', bytes };
    });
    if (answer?.type !== 'ok') return;
    const result = answer.results[0]?.result as { readonly etag?: string; readonly fence?: number };
    this.#seen.set(`${group} ${machine} ${name}`, result.etag ?? result.fence);
  }

  /** For somebody's own machine. */
  async #command(place: number): Promise<void> {
    const { workload, random } = this.#options;
    if (workload === null) return;
    this.#userMachine ??= workload.machine().name;
    const draft = workload.command(() => random.next());
    await this.#propose(place, this.#pick(this.#groups), this.#userMachine, () => draft);
  }

  #propose(place: number, group: GroupId, machine: string, draft: (number: number) => Draft): Promise<Answer | null> {
    const { calls, clients } = this.#options;
    const entry = calls.add(group);
    const idempotencyKey = `${STATE_KEY}${entry.number}`;
    const command = { machine, ...draft(entry.number), idempotencyKey };
    return clients.deliver(place, group, [entry], [command], true, false);
  }

  #order(group: GroupId, machine: StateMachineName, name: string, number: number): Record<string, unknown> {
    const { random } = this.#options;
    const seen = this.#seen.get(`${group} ${machine} ${name}`);
    const ttlMs = Math.ceil(random.between(20, 1500));
    const dice = random.next();
    if (machine === 'counter') return { op: 'add', name, add: random.below(21) - 10 };
    if (machine === 'lock') {
      if (seen === undefined || dice < 0.5) return { op: 'acquire', name, owner: `owner-${number}`, ttlMs };
      return dice < 0.75 ? { op: 'renew', name, fence: seen, ttlMs } : { op: 'release', name, fence: seen };
    }
    const ifMatch = seen === undefined || random.next() < 0.1 ? '*' : seen;
    if (dice < 0.2) return { op: 'put', key: name, value: number, ttlMs };
    if (dice < 0.45) return { op: 'put', key: name, value: number, ifMatch };
    if (dice < 0.6) return { op: 'put', key: name, value: number, ifNoneMatch: true };
    if (dice < 0.7) return { op: 'delete', key: name };
    return dice < 0.8 ? { op: 'delete', key: name, ifMatch } : { op: 'put', key: name, value: number };
  }

  #ask(group: GroupId, machine: StateMachineName, name: string): void {
    const { random, nodes, time, books, clients } = this.#options;
    const node = this.#pick(nodes);
    const dice = random.next();
    const read: ReadMode = dice < 0.5 ? 'linearizable' : dice < 0.8 ? 'lease' : 'local';
    const timeoutMs = Math.ceil(random.between(20, 1500));
    const wantsMore = random.next() < 0.2;
    const isElder = node.elders.size > 0 && random.next() < 0.5;
    const life = isElder ? this.#pick([...node.elders]) : node.running;
    const face = life?.node?.group(group) ?? null;
    const book = books.get(group);
    if (life === null || face === null || book === undefined || life.pausedUntil > time.now) return;
    const { floor } = book;
    const where = `${node.id} ${group} ${read} read asked at ${time.now.toFixed(3)}`;
    const claim: ReadClaim = { where, machine, name, floor, minInstance: wantsMore ? floor : -1 };
    const call = this.#read(life, face, book, claim, { read, timeoutMs, ...(wantsMore ? { minInstance: floor } : {}) });
    clients.watch(life, timeoutMs, call, () => `${where}: no answer in time`);
  }

  /** `settled`: it was answered, in whatever way. */
  #read(
    life: Life,
    face: GroupFace,
    book: ReadBook,
    claim: ReadClaim,
    options: { readonly read: ReadMode; readonly timeoutMs?: number; readonly minInstance?: InstanceId },
  ): { settled: boolean } {
    const { hooks } = this.#options;
    const call = { settled: false };
    const { machine, name } = claim;
    const question = machine === 'kv' ? { op: 'get', key: name } : { name };
    const guarded = (look: () => void) => {
      call.settled = true;
      if (!life.alive) return;
      try {
        look();
      } catch (error) {
        hooks.failed(error);
      }
    };
    face.read(machine, question, options).then(
      (answer: ReadAnswer) =>
        guarded(() => {
          this.reads[answer.read]++;
          hooks.log('', `${claim.where}: ${machine} ${name}: ${JSON.stringify(answer)}`);
          // Where a machine has thrown, the state is in the midst of an instance, and who reads it as it is may see that.
          if (answer.read === 'local' && face.status().halted !== null) return;
          book.answered(claim, answer, face.masterView().self);
        }),
      (error: unknown) =>
        guarded(() => {
          if (!(error instanceof PaxmeshError)) throw error;
          demand(
            error.code !== 'internal',
            'honest-outcome',
            () => `${claim.where}: ended in "internal": ${error.message}`,
          );
          hooks.log('', `${claim.where}: ${error.code}`);
        }),
    );
    return call;
  }

  /** How much of the log is kept, and whether it is trimmed, changes now and then. */
  #agree(): void {
    const { random, plan } = this.#options;
    const keepInstances = Math.ceil(plan.keepInstances * random.between(0.5, 1.5));
    const trimming = random.next() < 0.1 ? 'paused' : 'running';
    this.#tell(`keeps ${keepInstances}`, (face) => face.setRetention({ keepInstances, trimming }));
  }

  #checkpoint(): void {
    this.#tell('takes a checkpoint', (face) => face.takeCheckpoint());
  }

  #tell(what: string, order: (face: GroupFace) => Promise<unknown>): void {
    const { nodes, hooks } = this.#options;
    const node = this.#pick(nodes);
    const group = this.#pick(this.#groups);
    const face = node.group(group);
    if (face === null) return;
    const ends = (how: string) => hooks.log(node.id, `${group} ${what}: ${how}`);
    order(face).then(
      () => ends('done'),
      (error: unknown) => ends(String(error)),
    );
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#options.random.below(from.length)] as T;
  }
}
