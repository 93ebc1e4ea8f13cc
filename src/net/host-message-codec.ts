// What engines say beside the core's messages (src/engine/peer-messages.ts), to bytes and back: numbers from 16 on.
import type { CheckpointLabel, HostMessage } from '../engine/peer-messages.js';
import type { NameReader, NameWriter } from './names.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

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

export function writeHostMessage(to: Writer, names: NameWriter, message: HostMessage): void {
  switch (message.type) {
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

/** `code`: the message's number, which was read already. null: it is none of these. */
export function readHostMessage(code: number, from: Reader, names: NameReader): HostMessage | null {
  switch (code) {
    case FORWARD: {
      const id = from.u53();
      const reply = from.flag();
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
      return { type: 'empty', ask: from.flag() };
    case POSITION: {
      const gid = names.read(from);
      const lastChosen = from.u53() - 1;
      const state = from.flag() ? { instance: from.u53(), sum: from.u32() } : null;
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
      return null;
  }
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
