// What the log means, worked out a second time and in the plainest way: which command takes effect, which is a repeat,
// who is master (who is a member: members-model.ts). The nodes' machines are held against it. It shares no code with src/machines but the batch format.
import type { GroupId, InstanceId, NodeId } from '../../core/ids.js';
import { batchTimeMs, MASTER, MEMBERSHIP, RETENTION, unpackBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import { logMachine } from '../../machines/log-machine.js';
import { LEDGER, orderOf } from '../ledger-machine.js';
import { demand } from '../violation.js';
import type { CallBook, Place, Verdict } from './call-book.js';
import type { GroupWitness } from './group-witness.js';
import { MachinesModel, STATE_MACHINES, type StateMachineName } from './machines-model.js';
import type { Outcomes } from './outcomes.js';
import { Promotions } from './promotions.js';

/** What a feed of user values shows of a command. */
export interface Shown {
  readonly index: number;
  readonly machine: string;
  readonly valueJson: string;
}

/** A group's witness with the meaning of its log. */
export type LogWitness = GroupWitness<LogModel>;

/** A call of the ledger machine, in log order. */
export interface LedgerCall {
  readonly instance: InstanceId;
  readonly index: number;
  readonly number: number;
}

interface Master {
  node: NodeId | null;
  version: InstanceId;
  renewal: InstanceId;
}

/** Begins the idempotency keys of all calls but those of the log and the ledger; the number of the call follows. */
export const STATE_KEY = 'state-';

/** A sealed value never needs more operations of the lease than this. */
const MASTER_COMMANDS_MAX = 4;

export class LogModel {
  readonly group: GroupId;
  readonly ledger: LedgerCall[] = [];
  /** By instance: what feeds show, and how many ledger calls there were before it. */
  readonly shown: (readonly Shown[])[] = [];
  readonly ledgerBefore: number[] = [];
  /** Tenures: the version of each acquire that took effect, and its holder. */
  readonly tenures = new Map<InstanceId, NodeId>();
  readonly promotions = new Promotions();
  readonly machines = new MachinesModel();
  readonly #book: CallBook;
  readonly #outcomes: Outcomes;
  readonly #executed = new Set<string>();
  readonly #keys = new Map<string, string>();
  #master: Master | null = null;
  #count = 0;
  #timeMs = 0;

  /** `outcomes`: what machines of unknown meaning come to. */
  constructor(group: GroupId, book: CallBook, outcomes: Outcomes) {
    this.#outcomes = outcomes;
    this.group = group;
    this.#book = book;
  }

  get instances(): number {
    return this.shown.length;
  }

  /** Who holds the lease by the log, whether or not it still runs. */
  get master(): NodeId | null {
    return this.#master?.node ?? null;
  }

  /** The next instance's value. */
  push(bytes: Uint8Array): void {
    const instance = this.shown.length;
    const shown: Shown[] = [];
    this.ledgerBefore.push(this.ledger.length);
    let masterCommands = 0;
    this.#timeMs = Math.max(this.#timeMs, batchTimeMs(bytes));
    unpackBatch(bytes).forEach((command, index) => {
      if (command.machine === MEMBERSHIP || command.machine === RETENTION) return;
      if (command.machine === MASTER) {
        if (this.#lead(command, instance)) masterCommands++;
        return;
      }
      const place = this.#judge(command, instance, index);
      // Nobody has asked for what a machine has proposed for itself when its time came.
      if (!isOfItself(command)) this.#book.decided(numberOf(command), this.group, place);
      if (place.verdict !== 'executed') return;
      shown.push({ index, machine: command.machine, valueJson: textOf(command) });
    });
    demand(masterCommands <= MASTER_COMMANDS_MAX, 'bounded', () => {
      return `${this.group}/${instance} holds ${masterCommands} operations of the lease`;
    });
    this.shown.push(shown);
  }

  #judge(command: Command, instance: InstanceId, index: number): Place {
    const place = (verdict: Verdict, code: string | null = null, result: unknown = null): Place => {
      return { instance, index, verdict, code, result };
    };
    const text = `${command.machine} ${command.ifMaster} ${textOf(command)}`;
    const first = command.key === null ? undefined : this.#keys.get(command.key);
    if (first !== undefined) return place(first === text ? 'replayed' : 'reused');
    const id = `${command.id.origin}/${command.id.sequence}`;
    if (this.#executed.has(id)) return place('duplicate');
    this.#executed.add(id);
    if (command.key !== null) this.#keys.set(command.key, text);
    const holds = this.#master !== null && this.#master.node !== null;
    if (command.ifMaster !== null && !(holds && this.#master?.version === command.ifMaster)) {
      return place('precondition', 'precondition-failed');
    }
    if (isOfState(command.machine)) {
      const { code, result } = this.machines.apply(command.machine, textOf(command), instance, index, this.#timeMs);
      return place(code === null ? 'executed' : 'rejected', code, result);
    }
    if (command.machine === logMachine.name) return place('executed');
    if (command.machine !== LEDGER) return this.#unforetold(instance, index);
    const { number, rejects } = orderOf(command.bytes);
    this.ledger.push({ instance, index, number });
    return rejects ? place('rejected', 'command-rejected') : place('executed', null, { count: ++this.#count });
  }

  /** It is what the first node that applies it says. */
  #unforetold(instance: InstanceId, index: number): Place {
    const judged = () => this.#outcomes.at(instance, index);
    return {
      instance,
      index,
      get verdict() {
        return (judged()?.code ?? null) === null ? 'executed' : 'rejected';
      },
      get code() {
        return judged()?.code ?? null;
      },
      get result() {
        return judged()?.result;
      },
    };
  }

  /** False for the length of the lease: operators order it, as often as they like, and it changes no tenure. */
  #lead(command: Command, instance: InstanceId): boolean {
    const id = `${command.id.origin}/${command.id.sequence}`;
    if (this.#executed.has(id)) return true;
    this.#executed.add(id);
    const order = JSON.parse(textOf(command));
    const master = this.#master;
    if (order.op === 'set-lease' || order.op === 'prefer') return false;
    if (order.op === 'acquire') {
      if ((master?.renewal ?? null) !== order.expects) return true;
      this.#master = { node: order.node, version: instance, renewal: instance };
      this.tenures.set(instance, order.node);
    } else if (master !== null && master.node === order.node && master.version === order.version) {
      this.#master = { node: order.op === 'renew' ? master.node : null, version: master.version, renewal: instance };
    }
    return true;
  }
}

function textOf({ bytes }: Command): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function isOfState(machine: string): machine is StateMachineName {
  return STATE_MACHINES.some((name) => name === machine);
}

/** What a machine has proposed for itself when its time came. */
function isOfItself({ machine, key }: Command): boolean {
  return key === null && machine !== LEDGER && machine !== logMachine.name;
}

/** The number of the call: in its key, or in what it carries. */
function numberOf({ key, bytes }: Command): number {
  return key?.startsWith(STATE_KEY) === true ? Number(key.slice(STATE_KEY.length)) : orderOf(bytes).number;
}
