// An edge over a group that applies at once, with the machines that every group has and the engine's own answers: what the
// routes of kv, locks and counters do is tested without consensus.

import { PaxmeshError } from '../../src/engine/errors.js';
import type { NewCommand, ProposeOptions, ReadOptions } from '../../src/engine/face.js';
import { committed } from '../../src/engine/proposals/answers.js';
import type { Committed, ReadAnswer } from '../../src/engine/views.js';
import { allMachines } from '../../src/machines/bundled.js';
import { MachineRouter } from '../../src/machines/router.js';
import { buildEdge, type Edge, FakeGroup } from '../helper.js';

export const VALUE_BYTES_MAX = 100_000;

export class StateGroup extends FakeGroup {
  readonly router = new MachineRouter({ gid: null, version: -1, members: [] }, allMachines([]));
  /** The group's own time. */
  timeMs = 1000;
  readonly reads: (ReadOptions | undefined)[] = [];
  /** Called with each command that a caller brings, before it is applied. */
  rival: (text: string) => void = () => undefined;
  /** Between a read and its answer. */
  afterRead: () => void = () => undefined;
  /** How many wait for a change. */
  waiting = 0;
  readonly #wakes = new Set<() => void>();

  override get applied(): number {
    return this.router.applied;
  }

  override async propose(command: NewCommand, options?: ProposeOptions): Promise<Committed> {
    if (this.failure !== null) throw this.failure;
    this.options.push(options);
    this.received.push(command);
    const draft = this.router.machine(command.machine)?.beforePropose?.(command);
    if (draft !== undefined && 'rejected' in draft) throw new PaxmeshError('command-rejected', draft.rejected);
    this.rival(Buffer.from(command.bytes).toString());
    return this.#apply(command, options?.ifMaster ?? null);
  }

  /** What another node has proposed. */
  order(machine: string, order: object): void {
    this.#apply({ machine, encoding: 'json', bytes: Buffer.from(JSON.stringify(order)) }, null);
  }

  /** Time goes by, and the group applies what the machine asks for then. */
  pass(ms: number): void {
    this.timeMs += ms;
    for (const machine of this.router.machines) {
      if (machine.dueAtMs != null && machine.dueAtMs <= this.timeMs && machine.due !== undefined) {
        this.#apply({ machine: machine.name, ...machine.due() }, null);
      }
    }
  }

  override async read(machine: string, question: unknown, options?: ReadOptions): Promise<ReadAnswer> {
    this.reads.push(options);
    if (this.failure !== null) throw this.failure;
    const answer = this.router.machine(machine)?.query?.(question, { timeMs: this.timeMs });
    const instanceId = this.applied;
    this.afterRead();
    return { answer, instanceId, read: options?.read ?? 'linearizable' };
  }

  override async changed(waitMs: number, signal?: AbortSignal): Promise<void> {
    this.waiting += 1;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(over, waitMs);
      this.#wakes.add(over);
      signal?.addEventListener('abort', over, { once: true });
      if (signal?.aborted) over();
    });
    this.waiting -= 1;
  }

  #apply({ machine, encoding, bytes, idempotencyKey }: NewCommand, ifMaster: number | null): Committed {
    const instance = this.applied + 1;
    const id = { origin: 'a~1.x', sequence: instance };
    const command = { id, machine, encoding, bytes, key: idempotencyKey ?? null, ifMaster };
    const [outcome] = this.router.apply(instance, [command], this.timeMs);
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
    if (outcome === undefined) throw new RangeError('no outcome');
    return committed([{ instance, index: 0, outcome }]);
  }
}

/** Close the app after the test. */
export async function buildStateEdge(
  options: Parameters<typeof buildEdge>[0] = {},
): Promise<{ readonly app: Edge['app']; readonly main: StateGroup }> {
  const main = new StateGroup('main');
  const { app } = await buildEdge({ valueBytesMax: VALUE_BYTES_MAX, ...options }, main);
  return { app, main };
}
