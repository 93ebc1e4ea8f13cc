// The core's messages, to bytes and back: prepare to teach, numbers 1 to 15.
import type { Ballot } from '../core/ballot.js';
import type { Message, TaughtEntry } from '../core/message.js';
import type { Value } from '../core/value.js';
import type { NameReader, NameWriter } from './names.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

const PREPARE = 1;
const PROMISED = 2;
const ACCEPT = 3;
const ACCEPTED = 4;
const REJECTED = 5;
const CHOSEN = 6;
const ASK = 7;
const TEACH = 8;

export function writeCoreMessage(to: Writer, names: NameWriter, message: Message): void {
  switch (message.type) {
    case 'prepare':
      to.u8(PREPARE);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      return;
    case 'promised':
      to.u8(PROMISED);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      to.u8(message.vote === null ? 0 : 1);
      if (message.vote === null) return;
      writeBallot(to, names, message.vote.ballot);
      writeValue(to, message.vote.value);
      return;
    case 'accept':
      to.u8(ACCEPT);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      to.u32(message.chain);
      writeValue(to, message.value);
      return;
    case 'accepted':
      to.u8(ACCEPTED);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      return;
    case 'rejected':
      to.u8(REJECTED);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      writeBallot(to, names, message.promised);
      return;
    case 'chosen':
      to.u8(CHOSEN);
      to.u53(message.instance);
      writeBallot(to, names, message.ballot);
      to.u32(message.chain);
      return;
    case 'ask':
      to.u8(ASK);
      to.u53(message.open);
      return;
    case 'teach':
      to.u8(TEACH);
      to.u53(message.open);
      to.count(message.entries.length);
      for (const entry of message.entries) writeEntry(to, names, entry);
      return;
  }
}

/** `code`: the message's number, which was read already. null: it is none of the core's. */
export function readCoreMessage(code: number, from: Reader, names: NameReader): Message | null {
  switch (code) {
    case PREPARE:
      return { type: 'prepare', instance: from.u53(), ballot: readBallot(from, names) };
    case PROMISED: {
      const instance = from.u53();
      const ballot = readBallot(from, names);
      const vote = from.flag() ? { ballot: readBallot(from, names), value: readValue(from) } : null;
      return { type: 'promised', instance, ballot, vote };
    }
    case ACCEPT: {
      const instance = from.u53();
      const ballot = readBallot(from, names);
      const chain = from.u32();
      return { type: 'accept', instance, ballot, value: readValue(from), chain };
    }
    case ACCEPTED:
      return { type: 'accepted', instance: from.u53(), ballot: readBallot(from, names) };
    case REJECTED: {
      const instance = from.u53();
      const ballot = readBallot(from, names);
      return { type: 'rejected', instance, ballot, promised: readBallot(from, names) };
    }
    case CHOSEN: {
      const instance = from.u53();
      const ballot = readBallot(from, names);
      return { type: 'chosen', instance, ballot, chain: from.u32() };
    }
    case ASK:
      return { type: 'ask', open: from.u53() };
    case TEACH: {
      const open = from.u53();
      const entries: TaughtEntry[] = [];
      for (let left = from.count(); left > 0; left--) entries.push(readEntry(from, names));
      return { type: 'teach', open, entries };
    }
    default:
      return null;
  }
}

function writeBallot(to: Writer, names: NameWriter, ballot: Ballot): void {
  to.u53(ballot.round);
  names.write(to, ballot.node);
}

function readBallot(from: Reader, names: NameReader): Ballot {
  const round = from.u53();
  return { round, node: names.read(from) };
}

function writeValue(to: Writer, value: Value): void {
  to.string(value.id);
  to.bytes(value.bytes);
}

function readValue(from: Reader): Value {
  const id = from.string();
  return { id, bytes: from.bytes() };
}

function writeEntry(to: Writer, names: NameWriter, entry: TaughtEntry): void {
  to.u53(entry.instance);
  writeBallot(to, names, entry.ballot);
  to.u32(entry.chain);
  writeValue(to, entry.value);
}

function readEntry(from: Reader, names: NameReader): TaughtEntry {
  const instance = from.u53();
  const ballot = readBallot(from, names);
  const chain = from.u32();
  return { instance, ballot, value: readValue(from), chain };
}
