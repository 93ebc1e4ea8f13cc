// From what became of a call's commands to the caller's answer.
import type { Remembered } from '../machines/idempotency.js';
import type { CommandOutcome } from '../machines/router.js';
import type { Placed } from './committer.js';
import { PaxmeshError } from './errors.js';
import type { BatchCommitted, Committed, ProposalState } from './face.js';

/** Throws what the machine, or a condition, had against the command; a repeat gets the first answer, errors too. */
export function committed(placed: readonly Placed[]): Committed {
  const [only] = placed;
  if (only === undefined) throw new RangeError('an answer without a command');
  const { instance, index, outcome } = first(only);
  const replayed = !only.outcome.applied && only.outcome.code === 'idempotency-replayed';
  if (outcome.applied) return { instanceId: instance, index, result: outcome.result, replayed };
  if (outcome.code === 'duplicate' || outcome.code === 'idempotency-replayed') {
    throw new PaxmeshError('internal', 'the answer to this proposal is no longer known');
  }
  const facts = { instanceId: instance, index, reason: outcome.reason, ...(replayed ? { replayed } : {}) };
  throw new PaxmeshError(outcome.code, outcome.reason, { facts });
}

/** A batch is one instance; what a machine rejected inside it says so in its place. */
export function batchCommitted(placed: readonly Placed[]): BatchCommitted {
  const instanceId = placed[0]?.instance;
  if (instanceId === undefined) throw new RangeError('an answer without a command');
  const results = placed.map((one) => {
    const { outcome } = first(one);
    if (outcome.applied) return { index: one.index, result: outcome.result };
    return { index: one.index, result: null, code: outcome.code, reason: outcome.reason };
  });
  return { instanceId, results };
}

export function proposalState({ instance, index, outcome }: Remembered): ProposalState {
  return { state: 'applied', instanceId: instance, index, result: outcome.applied ? outcome.result : null };
}

function first({ instance, index, outcome }: Placed): { instance: number; index: number; outcome: CommandOutcome } {
  if (!outcome.applied && outcome.code === 'idempotency-replayed') return outcome.first;
  return { instance, index, outcome };
}
