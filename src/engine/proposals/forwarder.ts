// One hop to the master: which node this node's proposals should go to, and what it does with those others hand to it. A
// forwarded batch is proposed where it arrives and nowhere else, so nothing goes round in circles. Duelling writers cost
// each other two thirds of their speed; one writer for all does not.
import type { Millis, NodeId } from '../../core/ids.js';
import { memberOf } from '../../core/membership.js';
import type { Replica } from '../../core/replica.js';
import { BatchError, unpackBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import type { MachineRouter } from '../../machines/router.js';
import { PaxmeshError } from '../errors.js';
import type { AppliedEntry } from '../log/applier.js';
import type { Forward, ForwardSettled, HostMessage } from '../peer-messages.js';
import type { TraceNote } from '../ports.js';
import type { Committer } from './committer.js';

export interface ForwarderOptions {
  readonly self: NodeId;
  readonly committer: Committer;
  readonly router: MachineRouter;
  readonly send: (to: NodeId, message: HostMessage) => void;
  readonly isConnected: (node: NodeId) => boolean;
  readonly trace: (note: Omit<TraceNote, 'group'>) => void;
}

/** A taker that lags and wants to be told; keyed by the batch's first command. */
interface Reply {
  readonly to: NodeId;
  readonly id: number;
  /** All of the batch: what was handed over again may stand beside other commands than the first time. */
  readonly keys: readonly string[];
  readonly until: Millis;
}

const REPLIES_MAX = 10_000;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #replies = new Map<string, Reply>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * Where proposals should go instead of here: the master, or, when it is out of reach, who won the last ballot. null:
   * propose here. A node that may not propose takes any voter rather than none.
   */
  target(replica: Replica, master: NodeId | null, now: Millis): NodeId | null {
    const { self } = this.#options;
    const usable = replica.mayVote && replica.isLevel;
    for (const candidate of [master, replica.promised.node]) {
      if (candidate === self && usable) return null;
      if (candidate !== null && this.#reaches(candidate, replica, now)) return candidate;
    }
    if (usable) return null;
    const other = replica.membership.members.find(({ id }) => this.#reaches(id, replica, now));
    return other?.id ?? null;
  }

  /** Hands over all that waits and may go. */
  forwardTo(target: NodeId, now: Millis, reply: boolean): void {
    for (;;) {
      const message = this.#options.committer.forwards.next(target, now, reply);
      if (message === null) return;
      this.#options.send(target, message);
    }
  }

  /** A peer hands over what it took. `refusal`: why this group takes nothing at all. */
  received(from: NodeId, message: Forward, replica: Replica | null, refusal: PaxmeshError | null, now: Millis): void {
    const { committer, trace } = this.#options;
    try {
      if (refusal !== null) throw refusal;
      if (replica === null || !replica.mayVote) throw new PaxmeshError('not-a-member', 'not a voter here');
      if (!replica.isLevel) throw new PaxmeshError('catching-up', 'behind the group');
      const commands = unpackBatch(message.batch);
      this.#checkMachines(commands);
      const until = now + message.waitMs;
      committer.submitRemote(commands, until);
      const first = commands[0];
      if (message.reply && first !== undefined && this.#replies.size < REPLIES_MAX) {
        this.#replies.set(keyOf(first), { to: from, id: message.id, keys: commands.map(keyOf), until });
      }
    } catch (error) {
      if (error instanceof BatchError) {
        trace({ name: 'bad-forward', level: 'warn', facts: { from, reason: error.message } });
        return;
      }
      if (!(error instanceof PaxmeshError)) throw error;
      const { code, message: detail, retryAfterMs } = error;
      const answer = {
        type: 'forward-refused' as const,
        id: message.id,
        code,
        detail,
        retryAfterMs: retryAfterMs ?? 0,
      };
      this.#options.send(from, answer);
    }
  }

  applied({ entry, commands, outcomes }: AppliedEntry): void {
    if (this.#replies.size === 0) return;
    const keys = commands.map(keyOf);
    keys.forEach((key, index) => {
      const reply = this.#replies.get(key);
      if (reply === undefined || !reply.keys.every((each, offset) => each === keys[index + offset])) return;
      this.#replies.delete(key);
      const json = JSON.stringify({ index, outcomes: outcomes.slice(index, index + reply.keys.length) });
      this.#options.send(reply.to, { type: 'forward-settled', id: reply.id, instance: entry.instance, json });
    });
  }

  settledElsewhere(message: ForwardSettled): void {
    const { index, outcomes } = JSON.parse(message.json);
    this.#options.committer.forwards.settledElsewhere(message.id, message.instance, index, outcomes);
  }

  forget(now: Millis): void {
    for (const [key, reply] of this.#replies) if (now >= reply.until) this.#replies.delete(key);
  }

  #reaches(node: NodeId, replica: Replica, now: Millis): boolean {
    const { self, committer, isConnected } = this.#options;
    if (node === self || !isConnected(node) || !committer.forwards.trusts(node, now)) return false;
    return memberOf(replica.membership, node)?.role === 'voter';
  }

  #checkMachines(commands: readonly Command[]): void {
    for (const { machine } of commands) {
      if (!this.#options.router.has(machine)) throw new PaxmeshError('unknown-machine', `no machine ${machine} here`);
    }
  }
}

const keyOf = ({ id }: Command): string => `${id.origin}/${id.sequence}`;
