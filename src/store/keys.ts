// Where a row lives: one byte for its kind, the group, and what names it within the group. The bytes are the embedded
// store's keys (instances in big-endian, so that the byte order is the log's order) and, for every store, the part of a
// row's checksum that says where the row belongs: a row that turns up in another place fails its check.
import type { GroupId, InstanceId } from '../core/ids.js';

const END = 0;
const INSTANCE_BYTES = 8;
const HIGH_UNIT = 0x1_0000_0000;

const KIND = { block: 0x62, group: 0x67, log: 0x6c, meta: 0x6d, variable: 0x76 } as const;

export const IDENTITY_KEY: Buffer = Buffer.from('midentity');
export const HEAD_KEY: Buffer = Buffer.from('mhead');

export function groupKey(group: GroupId): Buffer {
  return named(KIND.group, group, '');
}

export function variableKey(group: GroupId, name: string): Buffer {
  return named(KIND.variable, group, name);
}

/** What every key of the group's log begins with. Kept by who makes many keys. */
export function logPrefix(group: GroupId): Buffer {
  return named(KIND.log, group, '');
}

export function recordKey(prefix: Buffer, instance: InstanceId): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + INSTANCE_BYTES);
  prefix.copy(key);
  key.writeUInt32BE(Math.floor(instance / HIGH_UNIT), prefix.length);
  key.writeUInt32BE(instance % HIGH_UNIT, prefix.length + 4);
  return key;
}

/** Where a block of a checkpoint belongs. No key of LevelDB: blocks stand in files of their own. */
export function blockPlace(group: GroupId, name: string, index: number): Buffer {
  return named(KIND.block, group, `${name}\0${index}`);
}

export interface ParsedKey {
  readonly kind: 'group' | 'log' | 'variable';
  readonly group: GroupId;
  /** A variable's name; empty otherwise. */
  readonly name: string;
  /** A record's instance; -1 otherwise. */
  readonly instance: InstanceId;
}

/** null: not a key of ours (a garbled one, or a row of the store itself). */
export function parseKey(key: Buffer): ParsedKey | null {
  const end = key.indexOf(END, 1);
  if (end < 1) return null;
  const group = key.toString('utf8', 1, end);
  const rest = key.length - end - 1;
  if (key[0] === KIND.group && rest === 0) return { kind: 'group', group, name: '', instance: -1 };
  if (key[0] === KIND.variable) return { kind: 'variable', group, name: key.toString('utf8', end + 1), instance: -1 };
  if (key[0] !== KIND.log || rest !== INSTANCE_BYTES) return null;
  const instance = key.readUInt32BE(end + 1) * HIGH_UNIT + key.readUInt32BE(end + 5);
  return Number.isSafeInteger(instance) ? { kind: 'log', group, name: '', instance } : null;
}

/** The first key after every key that begins with these bytes. */
export function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}

function named(kind: number, group: GroupId, name: string): Buffer {
  if (group === '' || group.includes('\0')) throw new RangeError('a group has a name without NUL');
  return Buffer.from(`${String.fromCharCode(kind)}${group}\0${name}`);
}
