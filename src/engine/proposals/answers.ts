// From what became of a call's commands to the caller's answer.
import type { Remembered } from '../../machines/idempotency.js';
import type { CommandOutcome } from '../../machines/router.js';
import { PaxmeshError } from '../errors.js';
import type { BatchCommitted, BatchResult, Committed, ProposalState } from '../views.js';
import type { Placed } from './unit.js';

/** Throws what the machine, or a condition, had against the command; a repeat gets the first answer, errors too. */
export function committed(placed: readonly Placed[]): Committed {
  const [only] = placed;
  if (only === undefined) throw new RangeError('an answer without a command');
  const answer = first(only);
  const { instance, index, outcome, replayed } = answer;
  if (outcome.applied) return { instanceId: instance, index, result: outcome.result, replayed };
  throw refusal(answer, { instanceId: instance, index }, replayed);
}

/**
 * A batch is one instance; what was not applied in it says so in its place. A batch that repeats another one, key by key,
 * gets that one's answer; where only some entries are repeats, those say where they stand. Throws the first entry's error
 * when nothing of it was applied.
 */
export function batchCommitted(placed: readonly Placed[]): BatchCommitted {
  const entries = placed.map(first);
  const [head] = entries;
  const here = placed[0]?.instance;
  if (head === undefined || here === undefined) throw new RangeError('an answer without a command');
  const replayed = entries.every((entry) => entry.replayed && entry.instance === head.instance);
  const instanceId = replayed ? head.instance : here;
  const results = entries.map(({ instance, index, outcome }): BatchResult => {
    const elsewhere = instance === instanceId ? {} : { instanceId: instance };
    if (outcome.applied) return { index, result: outcome.result, ...elsewhere };
    return { index, result: null, ...elsewhere, code: outcome.code, reason: outcome.reason };
  });
  if (entries.some(({ outcome }) => outcome.applied)) return { instanceId, results, replayed };
  throw refusal(head, { instanceId, results }, replayed);
}

export function proposalState({ instance, index, outcome }: Remembered): ProposalState {
  const place = { state: 'applied', instanceId: instance, index } as const;
  if (outcome.applied) return { ...place, result: outcome.result };
  return { ...place, result: null, code: outcome.code, reason: outcome.reason };
}

interface First {
  readonly instance: number;
  readonly index: number;
  readonly outcome: CommandOutcome;
  readonly replayed: boolean;
}

function first({ instance, index, outcome }: Placed): First {
  if (!outcome.applied && outcome.code === 'idempotency-replayed') return { ...outcome.first, replayed: true };
  return { instance, index, outcome, replayed: false };
}

function refusal(placed: First, place: Readonly<Record<string, unknown>>, replayed: boolean): PaxmeshError {
  const { outcome } = placed;
  if (outcome.applied || outcome.code === 'idempotency-replayed') {
    return new PaxmeshError('internal', 'the answer to this proposal is not known');
  }
  // It stood in the log before, at a place that this node has not seen: inside a checkpoint that it has fetched.
  if (outcome.code === 'duplicate') {
    return new PaxmeshError('proposal-timeout', 'it was executed, but this node has only heard of what came after');
  }
  const facts = { ...outcome.facts, ...place, reason: outcome.reason };
  return new PaxmeshError(outcome.code, outcome.reason, { facts, replayed });
}
