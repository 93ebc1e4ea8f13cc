// Small things every test of the core needs: ballots, values, memberships, a chain that is plain to follow, and how a
// message or a write reads as text.
import { type Ballot, formatBallot } from '../../src/core/ballot.js';
import type { Chain } from '../../src/core/chain.js';
import type { Write } from '../../src/core/effects.js';
import type { NodeId } from '../../src/core/ids.js';
import type { Member, Membership, Role } from '../../src/core/membership.js';
import type { Message } from '../../src/core/message.js';
import type { Value } from '../../src/core/value.js';

export const ballot = (round: number, node: NodeId): Ballot => ({ round, node });

/** A value called by its id; the bytes are the id's letters. */
export const value = (id: string): Value => ({ id, bytes: new TextEncoder().encode(id) });

/** A member speaks from a store of its own name. */
export const member = (id: NodeId, role: Role = 'voter'): Member => ({ id, url: `http://${id}`, role, store: id });

export const votersNamed = (...ids: NodeId[]): Membership => {
  return { gid: 'g', version: -1, members: ids.map((id) => member(id)) };
};

/** FNV over the sum before, the instance and the value's id. */
export const chain: Chain = (previous, instance, { id }) => {
  let sum = (previous ^ (instance + 1)) >>> 0;
  for (const letter of id) sum = Math.imul(sum ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return sum;
};

export function describeMessage(message: Message): string {
  switch (message.type) {
    case 'prepare':
    case 'accepted':
    case 'chosen':
      return `${message.type} ${message.instance} at ${formatBallot(message.ballot)}`;
    case 'accept':
      return `accept ${message.instance} at ${formatBallot(message.ballot)}: ${message.value.id}`;
    case 'promised': {
      const { instance, vote } = message;
      const voted = vote === null ? 'no vote' : `voted ${vote.value.id} at ${formatBallot(vote.ballot)}`;
      return `promised ${instance} at ${formatBallot(message.ballot)}, ${voted}`;
    }
    case 'rejected': {
      const { instance, promised } = message;
      return `rejected ${instance} at ${formatBallot(message.ballot)}, promised ${formatBallot(promised)}`;
    }
    case 'ask':
      return `ask from ${message.open}`;
    case 'teach':
      return `teach ${message.entries.map(({ instance, value: { id } }) => `${instance}=${id}`).join(' ')}`;
  }
}

export function describeWrite(write: Write): string {
  if (write.type === 'promise') return `promise ${formatBallot(write.ballot)}`;
  return `${write.chosen ? 'learned' : 'vote'} ${write.instance} at ${formatBallot(write.ballot)}: ${write.value.id}`;
}
