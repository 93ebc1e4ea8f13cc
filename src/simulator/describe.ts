// Messages and writes as lines of a transcript, for whoever reads how a seed went wrong.
import { formatBallot } from '../core/ballot.js';
import type { StoreWrite } from '../engine/log-store.js';
import type { PeerMessage } from '../engine/peer-messages.js';

export function describe(message: PeerMessage): string {
  switch (message.type) {
    case 'prepare':
    case 'accepted':
    case 'chosen':
      return `${message.type} ${message.instance} at ${formatBallot(message.ballot)}`;
    case 'promised': {
      const { vote } = message;
      const voted = vote === null ? 'no vote' : `vote ${formatBallot(vote.ballot)} ${vote.value.id}`;
      return `promised ${message.instance} at ${formatBallot(message.ballot)}, ${voted}`;
    }
    case 'rejected':
      return `rejected ${message.instance} at ${formatBallot(message.ballot)}, promised ${formatBallot(message.promised)}`;
    case 'accept':
      return `accept ${message.instance} at ${formatBallot(message.ballot)} ${message.value.id}`;
    case 'ask':
      return `ask from ${message.open}`;
    case 'teach':
      return `teach ${message.entries.map(({ instance }) => instance).join(' ')}, open ${message.open}`;
    case 'empty':
      return message.ask ? 'empty, and you?' : 'empty';
    case 'position':
      return `at ${message.lastChosen}`;
    case 'resign':
      return `resign ${message.version} to ${message.heir}`;
    case 'forward':
      return `forward #${message.id}, ${message.batch.length} bytes, ${message.waitMs} ms`;
    case 'forward-refused':
      return `forward-refused #${message.id} ${message.code}`;
    case 'forward-settled':
      return `forward-settled #${message.id} at ${message.instance}`;
    case 'read-ask':
      return `read-ask #${message.id}`;
    case 'read-at':
      return `read-at #${message.id}, through ${message.through}`;
    case 'checkpoint':
      return `checkpoint of ${message.instance}, ${message.bytes} bytes`;
    case 'block-ask':
      return `block-ask ${message.index} of ${message.instance}`;
    case 'block':
      return `block ${message.index} of ${message.instance}, ${message.bytes.length} bytes`;
  }
}

export function describeWrite(write: StoreWrite): string {
  if (write.type === 'promise') return `promise ${formatBallot(write.ballot)}`;
  if (write.type === 'begin') return `begin ${write.instance}`;
  if (write.type === 'variable') return `variable ${write.name}`;
  return `${write.chosen ? 'learned' : 'vote'} ${write.instance} at ${formatBallot(write.ballot)} ${write.value.id}`;
}
