// Ballots: (round, node), ordered lexicographically. Round 0 is "no ballot": no proposer ever uses it.
import type { NodeId } from './ids.js';

export interface Ballot {
  readonly round: number;
  readonly node: NodeId;
}

/** Below every ballot a proposer can own. */
export const NO_BALLOT: Ballot = Object.freeze({ round: 0, node: '' });

/** Negative, zero or positive, as a sorts before, equal to or after b. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.round !== b.round) return a.round < b.round ? -1 : 1;
  if (a.node === b.node) return 0;
  return a.node < b.node ? -1 : 1;
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  return a.round === b.round && a.node === b.node;
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}

export function formatBallot(ballot: Ballot): string {
  return `${ballot.round}.${ballot.node || '-'}`;
}
