// Clients of a simulated cluster: they call any node, in every way the face allows, retry under an idempotency key when
// they do not know what happened, and write down each answer. A call that outlives its time limit is a failure.
import type { GroupId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import { PaxmeshError } from '../engine/errors.js';
import type { GroupFace, NewCommand, ProposeOptions } from '../engine/face.js';
import type { BookEntry, CallBook } from './checkers/call-book.js';
import { LEDGER, orderText } from './ledger-machine.js';
import type { Plan } from './plan.js';
import type { Life, SimNode } from './sim-node.js';
import { demand, Violation } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

const ATTEMPTS_MAX = 4;
/** What a node may be late by with an answer that its deadline calls for, by its own clock. */
const LATE_MS = 250;

export interface ClientHooks {
  readonly log: (who: string, what: string) => void;
  readonly failed: (error: unknown) => void;
}

export interface Tally {
  ok: number;
  none: number;
  unknown: number;
  lost: number;
}

export type Answer =
  | { readonly type: 'ok'; readonly instance: number; readonly results: readonly { index: number; result: unknown }[] }
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'lost' };

export class Clients {
  readonly tally: Tally = { ok: 0, none: 0, unknown: 0, lost: 0 };
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #nodes: readonly SimNode[];
  readonly #groups: readonly GroupId[];
  readonly #book: CallBook;
  readonly #hooks: ClientHooks;
  #keys = 0;

  constructor(
    time: VirtualTime,
    random: Random,
    plan: Plan,
    nodes: readonly SimNode[],
    groups: readonly GroupId[],
    book: CallBook,
    hooks: ClientHooks,
  ) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#nodes = nodes;
    this.#groups = groups;
    this.#book = book;
    this.#hooks = hooks;
  }

  start(): void {
    for (let place = 0; place < this.#plan.clients; place++) {
      this.#client(place).catch((error: unknown) => this.#hooks.failed(error));
    }
  }

  /** One plain call that has to succeed; false when it did not. */
  async probe(node: SimNode, group: GroupId, timeoutMs: number): Promise<boolean> {
    const entry = this.#book.add(group);
    const commands = [command(entry, LEDGER, false, null)];
    const answer = await this.#attempt(node, group, [entry], commands, { timeoutMs });
    return answer?.type === 'ok';
  }

  async #client(place: number): Promise<void> {
    const { durationMs, quietFromMs, thinkMs } = this.#plan;
    const until = Math.min(durationMs, quietFromMs);
    for (;;) {
      await this.#sleep(-Math.log(1 - this.#random.next()) * thinkMs);
      if (this.#time.now >= until) return;
      await this.#call(place);
    }
  }

  async #call(place: number): Promise<void> {
    const random = this.#random;
    const group = this.#pick(this.#groups);
    const machine = random.next() < 0.85 ? LEDGER : 'log';
    const isBatch = random.next() < 0.15;
    const isKeyed = !isBatch && random.next() < 0.25;
    const count = isBatch ? 1 + random.below(4) : 1;
    const rejects = machine === LEDGER && !isBatch && random.next() < 0.05;
    const entries = Array.from({ length: count }, () => this.#book.add(group));
    const key = isKeyed ? `key-${this.#keys++}` : null;
    const commands = entries.map((entry) => command(entry, machine, rejects, key));
    await this.deliver(place, group, entries, commands, isKeyed, !isBatch && random.next() < 0.1);
  }

  /** Asks until there is an answer, anywhere; a command without a key once. The last answer; null: there is none. */
  async deliver(
    place: number,
    group: GroupId,
    entries: readonly BookEntry[],
    commands: readonly NewCommand[],
    isKeyed: boolean,
    isConditional: boolean,
  ): Promise<Answer | null> {
    const random = this.#random;
    let conditional = isConditional;
    let fixed: number | undefined;
    for (let attempt = 1; ; attempt++) {
      const node = attempt === 1 && random.next() < 0.6 ? this.#home(place) : this.#pick(this.#nodes);
      const face = node.group(group);
      if (conditional && face !== null) {
        conditional = false;
        fixed = random.next() < 0.8 ? (face.masterView().version ?? 0) : random.below(20);
      }
      const answer = await this.#attempt(node, group, entries, commands, {
        timeoutMs: Math.ceil(random.next() < 0.3 ? random.between(20, 200) : random.between(500, 3000)),
        route: random.next() < this.#plan.localShare ? 'local' : 'forward',
        ...(fixed === undefined ? {} : { ifMaster: fixed }),
      });
      if (!isKeyed || attempt === ATTEMPTS_MAX || (answer !== null && !isWorthRetrying(answer))) return answer;
      await this.#sleep(random.between(20, 400));
    }
  }

  #home(place: number): SimNode {
    return this.#nodes[place % this.#nodes.length] ?? this.#pick(this.#nodes);
  }

  /** null: the node does not run, or is stopped. */
  async #attempt(
    node: SimNode,
    group: GroupId,
    entries: readonly BookEntry[],
    commands: readonly NewCommand[],
    options: ProposeOptions,
  ): Promise<Answer | null> {
    // Of two processes of one node either may be the one that a client has its connection with.
    const elder = node.elders.size > 0 && this.#random.next() < 0.5 ? this.#pick([...node.elders]) : null;
    const life = elder ?? node.running;
    const face = life?.node?.group(group) ?? null;
    if (life === null || face === null || life.pausedUntil > this.#time.now) return null;
    const numbers = entries.map(({ number }) => number).join(' ');
    this.#hooks.log(node.id, `${group} is asked for ${numbers} ${JSON.stringify(options)}`);
    for (const entry of entries) this.#book.begun(entry);
    const call = { settled: false };
    this.watch(life, options.timeoutMs ?? 0, call, () => `${node.id} ${group}: no answer for ${numbers} in time`);
    const answer = await this.#answer(life, face, commands, options);
    call.settled = true;
    demand(answer.type !== 'ok' || elder === null || !elder.isFenced(), 'fenced', () => {
      return `${node.id} life ${life.number} acknowledges ${numbers} after it was fenced`;
    });
    demand(!isHearsay(answer) || face.firstKept > 0, 'honest-outcome', () => {
      return `${node.id} was told of a repeat of ${numbers}, and has seen the whole log`;
    });
    this.#note(answer, entries, (what) => this.#hooks.log(node.id, `${group} answers for ${numbers}: ${what}`));
    return answer;
  }

  async #answer(
    life: Life,
    face: GroupFace,
    commands: readonly NewCommand[],
    options: ProposeOptions,
  ): Promise<Answer> {
    const asked = (async (): Promise<Answer> => {
      try {
        const [only] = commands;
        if (commands.length > 1 || only === undefined) {
          const { instanceId, results } = await face.proposeBatch(commands, options);
          return { type: 'ok', instance: instanceId, results };
        }
        const { instanceId, index, result } = await face.propose(only, options);
        return { type: 'ok', instance: instanceId, results: [{ index, result }] };
      } catch (error) {
        return { type: 'error', error };
      }
    })();
    let mourn = () => {};
    const death = new Promise<Answer>((resolve) => {
      mourn = () => resolve({ type: 'lost' });
      life.mourners.add(mourn);
    });
    const answer = await Promise.race([asked, death]);
    life.mourners.delete(mourn);
    return answer;
  }

  #note(answer: Answer, entries: readonly BookEntry[], log: (what: string) => void): void {
    if (answer.type === 'lost') {
      this.tally.lost++;
      for (const entry of entries) this.#book.lost(entry);
      return;
    }
    if (answer.type === 'ok') {
      this.tally.ok++;
      log(`${answer.instance} ${JSON.stringify(answer.results)}`);
      entries.forEach((entry, place) => {
        const { index, result } = answer.results[place] ?? { index: -1, result: undefined };
        this.#book.acknowledged(entry, answer.instance, index, result);
      });
      return;
    }
    const { error } = answer;
    if (!(error instanceof PaxmeshError)) throw error;
    log(`${error.code}, outcome ${error.outcome}: ${error.message}`);
    if (error.outcome === 'none') this.tally.none++;
    else this.tally.unknown++;
    if (error.code === 'internal')
      throw new Violation('honest-outcome', `a call ended in "internal": ${error.message}`);
    for (const entry of entries) this.#book.refused(entry, error.outcome, error.code);
  }

  /** A call must be answered by its deadline, or soon after. */
  watch(life: Life, timeoutMs: number, call: { settled: boolean }, detail: () => string): void {
    // Slowest clock first; and a process that was stopped gets a moment to look around.
    const isLate = (last: boolean) => () => {
      if (call.settled) return;
      if (last) this.#hooks.failed(new Violation('progress', detail()));
      else life.clock.schedule(100, isLate(true));
    };
    life.clock.schedule((timeoutMs + LATE_MS) / (0.99 - this.#plan.drift), isLate(false));
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#time.after(ms, resolve);
    });
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
}

function command(entry: BookEntry, machine: string, rejects: boolean, key: string | null): NewCommand {
  const bytes = Buffer.from(orderText(entry.number, rejects));
  return { machine, encoding: 'json', bytes, ...(key === null ? {} : { idempotencyKey: key }) };
}

function isWorthRetrying(answer: Answer): boolean {
  if (answer.type !== 'error') return answer.type === 'lost';
  return answer.error instanceof PaxmeshError && answer.error.retryable;
}

/** Executed at a place that the node has not seen: that is so only behind a checkpoint. */
function isHearsay(answer: Answer): boolean {
  return answer.type === 'error' && answer.error instanceof PaxmeshError && /only heard/.test(answer.error.message);
}
