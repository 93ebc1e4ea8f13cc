// The intake: from a caller's words to commands in the queue, and back to the caller's answer. Checks what can be refused
// before anything happens, numbers the commands, sets the deadline, and knows which idempotency keys are under way.
import type { Millis } from '../../core/ids.js';
import type { Command } from '../../machines/command.js';
import type { Draft, Rejected } from '../../machines/machine.js';
import type { MachineRouter } from '../../machines/router.js';
import { commandBytesMaxFor } from '../../machines/value-limit.js';
import { PaxmeshError } from '../errors.js';
import type { NewCommand, ProposeOptions } from '../face.js';
import type { Wait } from '../log/log-pages.js';
import type { BatchCommitted, Committed, ProposalState } from '../views.js';
import { batchCommitted, committed, proposalState } from './answers.js';
import type { Committer } from './committer.js';
import type { Placed } from './unit.js';

const TIMEOUT_MS_MAX = 60_000;

export interface IntakeOptions {
  /** Unique for this start of this node. */
  readonly origin: string;
  readonly timeoutMs: Millis;
  readonly valueBytesMax: number;
  readonly committer: Committer;
  readonly router: MachineRouter;
  readonly now: () => Millis;
  /** Until something was applied, or the time is over. */
  readonly wait: Wait;
  /** Why nothing is taken now; null: it is. */
  readonly refusal: () => PaxmeshError | null;
  /** Why nothing may be proposed by this node itself, which `route: local` asks for; null: it may. */
  readonly localRefusal: () => PaxmeshError | null;
  /** Something is in the queue. */
  readonly arrived: () => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  /** Idempotency keys of calls under way here, with how many. */
  readonly #pending = new Map<string, number>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  async propose(command: NewCommand, options: ProposeOptions): Promise<Committed> {
    return committed(await this.#submit([command], options));
  }

  async proposeBatch(commands: readonly NewCommand[], options: ProposeOptions): Promise<BatchCommitted> {
    if (commands.length === 0) throw new PaxmeshError('invalid-request', 'a batch needs at least one entry');
    return batchCommitted(await this.#submit(commands, options));
  }

  /** What became of the command with this key; waits for one that is under way. Throws key-not-found. */
  async proposal(key: string, waitMs: Millis): Promise<ProposalState> {
    const { router, now, wait } = this.#options;
    const until = now() + waitMs;
    for (;;) {
      const remembered = router.remembered(key);
      if (remembered !== undefined) return proposalState(remembered);
      const left = until - now();
      if (left > 0) {
        await wait(left, () => {});
        continue;
      }
      if (this.#pending.has(key)) return { state: 'pending', instanceId: null, index: null, result: null };
      throw new PaxmeshError('key-not-found', 'no proposal with this idempotency key is known here');
    }
  }

  /** An order to one of the group's own machines. */
  order(machine: string, order: unknown, timeoutMs: Millis | undefined): Promise<Committed> {
    return this.command({ machine, encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) }, timeoutMs);
  }

  /** The same, as it is. */
  async command(command: NewCommand, timeoutMs: Millis | undefined): Promise<Committed> {
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    const refused = this.#options.refusal();
    if (refused !== null) throw refused;
    return committed(await this.#enqueue([command], options));
  }

  #submit(news: readonly NewCommand[], options: ProposeOptions): Promise<readonly Placed[]> {
    const { refusal, localRefusal } = this.#options;
    const refused = refusal() ?? (options.route === 'local' ? localRefusal() : null);
    if (refused !== null) return Promise.reject(refused);
    return this.#enqueue(this.#checked(news), options);
  }

  #enqueue(news: readonly NewCommand[], options: ProposeOptions): Promise<readonly Placed[]> {
    const { origin, committer, arrived, now } = this.#options;
    const commands = news.map(({ machine, encoding, bytes, idempotencyKey }): Command => {
      const id = { origin, sequence: committer.nextSequence() };
      return { id, machine, encoding, bytes, key: idempotencyKey ?? null, ifMaster: options.ifMaster ?? null };
    });
    const deadline = now() + Math.min(options.timeoutMs ?? this.#options.timeoutMs, TIMEOUT_MS_MAX);
    const keys = commands.flatMap(({ key }) => (key === null ? [] : [key]));
    return new Promise((resolve, reject) => {
      const settle = (settlement: readonly Placed[] | PaxmeshError) => {
        for (const key of keys) this.#ended(key);
        if (settlement instanceof PaxmeshError) reject(settlement);
        else resolve(settlement);
      };
      committer.submit({ commands, deadline, local: options.route === 'local', settle });
      for (const key of keys) this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);
      arrived();
    });
  }

  /** As the machines want them proposed. Throws what can be refused before anything happens. */
  #checked(news: readonly NewCommand[]): readonly NewCommand[] {
    const { router, valueBytesMax } = this.#options;
    let bytes = 0;
    let valueBytes = 0;
    const checked = news.map((command): NewCommand => {
      const machine = router.machine(command.machine);
      if (command.machine.startsWith('$'))
        throw new PaxmeshError('forbidden', `machine ${command.machine} is reserved`);
      if (machine === undefined) {
        throw new PaxmeshError('unknown-machine', `there is no machine ${command.machine} here`);
      }
      const ready = machine.beforePropose === undefined ? command : readied(machine.beforePropose(command), command);
      bytes += ready.bytes.length;
      valueBytes += command.valueBytes ?? ready.bytes.length;
      return ready;
    });
    // The second limit is of frames: whoever says what counts cannot bring more than fits one.
    if (valueBytes > valueBytesMax || bytes > commandBytesMaxFor(valueBytesMax))
      throw new PaxmeshError('value-too-large', `a value may have ${valueBytesMax} bytes`);
    return checked;
  }

  #ended(key: string): void {
    const left = (this.#pending.get(key) ?? 1) - 1;
    if (left === 0) this.#pending.delete(key);
    else this.#pending.set(key, left);
  }
}

function readied(draft: Draft | Rejected, command: NewCommand): NewCommand {
  if (!('rejected' in draft)) return { ...command, encoding: draft.encoding, bytes: draft.bytes };
  const { rejected: reason, code = 'command-rejected', facts = {} } = draft;
  throw new PaxmeshError(code, reason, { facts: { ...facts, reason } });
}
