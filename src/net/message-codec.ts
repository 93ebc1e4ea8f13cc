// One message between peers, to bytes and back. Names that repeat (groups, nodes) go through a table that the frame
// keeps: the first time a name stands in full, afterwards as its number.
import type { Ballot } from '../core/ballot.js';
import type { TaughtEntry } from '../core/message.js';
import type { Value } from '../core/value.js';
import type { CheckpointLabel, PeerMessage } from '../engine/peer-messages.js';
import { FrameError } from './frame-error.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** Longest group name, node id or error code taken from the wire. */
const NAME_BYTES_MAX = 256;

const PREPARE = 1;
const PROMISED = 2;
const ACCEPT = 3;
const ACCEPTED = 4;
const REJECTED = 5;
const CHOSEN = 6;
const ASK = 7;
const TEACH = 8;
const FORWARD = 16;
const FORWARD_REFUSED = 17;
const FORWARD_SETTLED = 18;
const EMPTY = 19;
const RESIGN = 20;
const POSITION = 21;
const READ_ASK = 22;
const READ_AT = 23;
const CHECKPOINT = 24;
const BLOCK_ASK = 25;
const BLOCK = 26;

export class NameWriter {
  readonly #known = new Map<string, number>();

  get size(): number {
    return this.#known.size;
  }

  clear(): void {
    this.#known.clear();
  }

  /** Forgets the names that came after the first `size`. */
  truncate(size: number): void {
    for (const [name, number] of this.#known) if (number >= size) this.#known.delete(name);
  }

  write(to: Writer, name: string): void {
    const number = this.#known.get(name);
    if (number !== undefined) {
      to.count(number);
      return;
    }
    to.count(this.#known.size);
    to.string(name);
    this.#known.set(name, this.#known.size);
  }
}

export class NameReader {
  readonly #known: string[] = [];

  read(from: Reader): string {
    const number = from.count();
    const known = this.#known[number];
    if (known !== undefined) return known;
    if (number !== this.#known.length) throw new FrameError('a name that was never given');
    const name = from.shortString(NAME_BYTES_MAX);
    this.#known.push(name);
    return name;
  }
}

export function writeMessage(to: Writer, names: NameWriter, message: PeerMessage): void {
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
    case 'forward':
      to.u8(FORWARD);
      to.u53(message.id);
      to.u8(message.reply ? 1 : 0);
      to.duration(message.waitMs);
      to.bytes(message.batch);
      return;
    case 'forward-refused':
      to.u8(FORWARD_REFUSED);
      to.u53(message.id);
      names.write(to, message.code);
      to.string(message.detail);
      to.duration(message.retryAfterMs);
      return;
    case 'empty':
      to.u8(EMPTY);
      to.u8(message.ask ? 1 : 0);
      return;
    case 'position':
      to.u8(POSITION);
      names.write(to, message.gid ?? '');
      to.u53(message.lastChosen + 1);
      to.u8(message.state === null ? 0 : 1);
      if (message.state === null) return;
      to.u53(message.state.instance);
      to.u32(message.state.sum);
      return;
    case 'read-ask':
      to.u8(READ_ASK);
      to.u53(message.id);
      return;
    case 'read-at':
      to.u8(READ_AT);
      to.u53(message.id);
      to.u53(message.through + 1);
      return;
    case 'checkpoint':
      to.u8(CHECKPOINT);
      writeLabel(to, message);
      return;
    case 'block-ask':
      to.u8(BLOCK_ASK);
      writeLabel(to, message);
      to.u53(message.index);
      return;
    case 'block':
      to.u8(BLOCK);
      to.u53(message.instance);
      to.u32(message.crc);
      to.u53(message.index);
      to.u32(message.blockCrc);
      to.bytes(message.bytes);
      return;
    case 'resign':
      to.u8(RESIGN);
      to.u53(message.version);
      names.write(to, message.heir ?? '');
      return;
    case 'forward-settled':
      to.u8(FORWARD_SETTLED);
      to.u53(message.id);
      to.u53(message.instance);
      to.string(message.json);
      return;
  }
}

export function readMessage(from: Reader, names: NameReader): PeerMessage {
  const code = from.u8();
  switch (code) {
    case PREPARE:
      return { type: 'prepare', instance: from.u53(), ballot: readBallot(from, names) };
    case PROMISED: {
      const instance = from.u53();
      const ballot = readBallot(from, names);
      const vote = readFlag(from) ? { ballot: readBallot(from, names), value: readValue(from) } : null;
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
    case FORWARD: {
      const id = from.u53();
      const reply = readFlag(from);
      const waitMs = from.duration();
      return { type: 'forward', id, reply, waitMs, batch: from.bytes() };
    }
    case FORWARD_REFUSED: {
      const id = from.u53();
      const refusal = names.read(from);
      const detail = from.string();
      return { type: 'forward-refused', id, code: refusal, detail, retryAfterMs: from.duration() };
    }
    case EMPTY:
      return { type: 'empty', ask: readFlag(from) };
    case POSITION: {
      const gid = names.read(from);
      const lastChosen = from.u53() - 1;
      const state = readFlag(from) ? { instance: from.u53(), sum: from.u32() } : null;
      return { type: 'position', gid: gid === '' ? null : gid, lastChosen, state };
    }
    case READ_ASK:
      return { type: 'read-ask', id: from.u53() };
    case READ_AT: {
      const id = from.u53();
      return { type: 'read-at', id, through: from.u53() - 1 };
    }
    case CHECKPOINT:
      return { type: 'checkpoint', ...readLabel(from) };
    case BLOCK_ASK:
      return { type: 'block-ask', ...readLabel(from), index: from.u53() };
    case BLOCK: {
      const instance = from.u53();
      const crc = from.u32();
      const index = from.u53();
      const blockCrc = from.u32();
      return { type: 'block', instance, crc, index, blockCrc, bytes: from.bytes() };
    }
    case RESIGN: {
      const version = from.u53();
      const heir = names.read(from);
      return { type: 'resign', version, heir: heir === '' ? null : heir };
    }
    case FORWARD_SETTLED: {
      const id = from.u53();
      const instance = from.u53();
      return { type: 'forward-settled', id, instance, json: from.string() };
    }
    default:
      throw new FrameError(`no message has the number ${code}`);
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

function writeLabel(to: Writer, { instance, chain, crc, bytes }: CheckpointLabel): void {
  to.u53(instance);
  to.u32(chain);
  to.u32(crc);
  to.u53(bytes);
}

function readLabel(from: Reader): CheckpointLabel {
  const instance = from.u53();
  const chain = from.u32();
  const crc = from.u32();
  return { instance, chain, crc, bytes: from.u53() };
}

function readFlag(from: Reader): boolean {
  const flag = from.u8();
  if (flag > 1) throw new FrameError('neither yes nor no');
  return flag === 1;
}
