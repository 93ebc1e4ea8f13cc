// The rows of a store, as bytes. Every row begins with the version of its shape and ends with a CRC32 over its place
// (kind, group, instance or name: keys.ts) and all its bytes, the number of the flush that wrote it among them. Decoding
// returns null for a row that is not exactly what was written to that place.
import type { Ballot } from '../core/ballot.js';
import type { RecordWrite } from '../core/effects.js';
import type { InstanceId } from '../core/ids.js';
import type { LogRecord } from '../engine/log-store.js';
import type { SeenRecord } from './log-check.js';
import { claimedCrc, RowReader, RowWriter, sound } from './row-buffer.js';

const VERSION = 1;
/** Version, flags and every number at its widest. */
const FIXED_BYTES = 64;

const CHOSEN = 1;
const LINKED = 2;
const LOG_LINKED = 1;
const VOTE_LOST = 2;
const GROUPS_LOST = 1;

/** A record row. `link`: the checksum of the row before it in the log, null when it was not written right after it. */
export function encodeRecord(place: Buffer, write: RecordWrite, link: number | null, flush: number): Buffer {
  const nodeBytes = Buffer.byteLength(write.ballot.node);
  const idBytes = Buffer.byteLength(write.value.id);
  const row = new RowWriter(FIXED_BYTES + nodeBytes + idBytes + write.value.bytes.byteLength)
    .u8(VERSION)
    .u8((write.chosen ? CHOSEN : 0) | (link === null ? 0 : LINKED))
    .varint(flush)
    .varint(write.ballot.round)
    .text(write.ballot.node, nodeBytes)
    .u32(write.checksum);
  if (link !== null) row.u32(link);
  return row.text(write.value.id, idBytes).bytes(write.value.bytes).seal(place);
}

/** What the check of the log needs to know of a record, without its value. */
export function seeRecord(place: Buffer, row: Buffer): SeenRecord | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  if (reader.u8() !== VERSION) return null;
  const flags = reader.u8();
  const flush = reader.varint();
  reader.varint();
  reader.text();
  reader.u32();
  return { crc: claimedCrc(row), flush, link: flags & LINKED ? reader.u32() : null };
}

/** The value's bytes are a view of the row. */
export function decodeRecord(place: Buffer, instance: InstanceId, row: Buffer): LogRecord | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  if (reader.u8() !== VERSION) return null;
  const flags = reader.u8();
  reader.varint();
  const ballot = { round: reader.varint(), node: reader.text() };
  const checksum = reader.u32();
  if (flags & LINKED) reader.u32();
  const id = reader.text();
  return { instance, ballot, chosen: (flags & CHOSEN) !== 0, checksum, value: { id, bytes: reader.rest() } };
}

/**
 * All a group's other rows are measured against: the promise register, which instances exist, what the newest record and
 * the variables sum to. Rewritten by every flush that touches the group.
 */
export interface GroupRow {
  readonly flush: number;
  readonly promised: Ballot;
  /** Instances [first, last] exist; none when last is first - 1. */
  readonly first: InstanceId;
  readonly last: InstanceId;
  readonly lastCrc: number;
  readonly lastLink: number | null;
  readonly variableSum: number;
  /** Why a vote may be lost here; null in health, and again once this node has promised anew. */
  readonly voteLost: string | null;
}

export function encodeGroupRow(place: Buffer, row: GroupRow): Buffer {
  const nodeBytes = Buffer.byteLength(row.promised.node);
  const lostBytes = row.voteLost === null ? 0 : Buffer.byteLength(row.voteLost);
  return new RowWriter(FIXED_BYTES + nodeBytes + lostBytes)
    .u8(VERSION)
    .u8((row.lastLink === null ? 0 : LOG_LINKED) | (row.voteLost === null ? 0 : VOTE_LOST))
    .varint(row.flush)
    .varint(row.promised.round)
    .text(row.promised.node, nodeBytes)
    .varint(row.first)
    .varint(row.last + 1)
    .u32(row.lastCrc)
    .u32(row.lastLink ?? 0)
    .u32(row.variableSum)
    .text(row.voteLost ?? '', lostBytes)
    .seal(place);
}

export function decodeGroupRow(place: Buffer, row: Buffer): GroupRow | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  if (reader.u8() !== VERSION) return null;
  const flags = reader.u8();
  const flush = reader.varint();
  const promised = { round: reader.varint(), node: reader.text() };
  const first = reader.varint();
  const last = reader.varint() - 1;
  const lastCrc = reader.u32();
  const link = reader.u32();
  const variableSum = reader.u32();
  const lost = reader.text();
  const lastLink = flags & LOG_LINKED ? link : null;
  const voteLost = flags & VOTE_LOST ? lost : null;
  return { flush, promised, first, last, lastCrc, lastLink, variableSum, voteLost };
}

export function encodeVariable(place: Buffer, json: string, flush: number): Buffer {
  const jsonBytes = Buffer.byteLength(json);
  return new RowWriter(FIXED_BYTES + jsonBytes).u8(VERSION).varint(flush).text(json, jsonBytes).seal(place);
}

export function decodeVariable(place: Buffer, row: Buffer): string | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  if (reader.u8() !== VERSION) return null;
  reader.varint();
  return reader.text();
}

/** The store's own row, rewritten by every flush: all group rows are measured against it. */
export interface HeadRow {
  readonly epoch: number;
  readonly flush: number;
  readonly groupSum: number;
  /** Rows of groups that nothing else knows of may be gone: a group that is not here may have been. */
  readonly groupsLost: boolean;
}

export function encodeHead(place: Buffer, head: HeadRow): Buffer {
  return new RowWriter(FIXED_BYTES)
    .u8(VERSION)
    .u8(head.groupsLost ? GROUPS_LOST : 0)
    .varint(head.epoch)
    .varint(head.flush)
    .u32(head.groupSum)
    .seal(place);
}

export function decodeHead(place: Buffer, row: Buffer): HeadRow | null {
  if (!sound(place, row)) return null;
  const reader = new RowReader(row);
  if (reader.u8() !== VERSION) return null;
  const groupsLost = (reader.u8() & GROUPS_LOST) !== 0;
  return { groupsLost, epoch: reader.varint(), flush: reader.varint(), groupSum: reader.u32() };
}

/** The identity is a row like a variable's: a text with its checksum. */
export const encodeIdentity = (place: Buffer, identity: string): Buffer => encodeVariable(place, identity, 0);
export const decodeIdentity = (place: Buffer, row: Buffer): string | null => decodeVariable(place, row);
