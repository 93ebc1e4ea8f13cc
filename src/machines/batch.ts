// A batch packs commands into the bytes of one core value. One byte tells whether a `$membership` command is inside, so
// that the replica need not unpack every value it closes; then comes the group's time at which it was sealed. Origins and
// machine names stand once in a table: a 100-byte command costs about ten bytes more. Unpacking checks everything and throws
// BatchError, nothing else; the commands' bytes are views into the value.
import type { Millis } from '../core/ids.js';
import type { Command, Encoding } from './command.js';
import { ENCODINGS } from './command.js';

const VERSION = 2;
/** The first shape had no time; logs that begin with it are still read. */
const VERSION_WITHOUT_TIME = 1;
const HAS_KEY = 4;
const HAS_IF_MASTER = 8;
const TOUCHES_MEMBERSHIP = 1;

/** Reserved: `$membership` changes who decides the next instance. */
export const MEMBERSHIP = '$membership';
/** Reserved: `$master` holds the lease. */
export const MASTER = '$master';
/** Reserved: `$restore` takes a backup in. */
export const RESTORE = '$restore';
/** Reserved: `$retention` says how much of the log is kept. */
export const RETENTION = '$retention';

export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/** `timeMs`: the group's time, whole milliseconds; 0 says nothing of it, as in a batch that is no value (a forward). */
export function packBatch(commands: readonly Command[], timeMs: Millis = 0): Uint8Array {
  const origins = new Table();
  const machines = new Table();
  let size = 24;
  for (const command of commands) {
    size += 40 + command.bytes.length;
    if (command.key !== null) size += Buffer.byteLength(command.key);
    origins.add(command.id.origin);
    machines.add(command.machine);
  }
  const out = new Packer(size + origins.size + machines.size);
  out.byte(VERSION);
  out.byte(machines.names.includes(MEMBERSHIP) ? TOUCHES_MEMBERSHIP : 0);
  out.number(timeMs);
  out.table(origins);
  out.table(machines);
  out.number(commands.length);
  for (const command of commands) {
    const encoding = ENCODINGS.indexOf(command.encoding);
    out.byte(encoding | (command.key === null ? 0 : HAS_KEY) | (command.ifMaster === null ? 0 : HAS_IF_MASTER));
    out.number(origins.add(command.id.origin));
    out.number(command.id.sequence);
    out.number(machines.add(command.machine));
    if (command.key !== null) out.text(command.key);
    if (command.ifMaster !== null) out.number(command.ifMaster);
    out.number(command.bytes.length);
    out.bytes(command.bytes);
  }
  return out.done();
}

export function unpackBatch(bytes: Uint8Array): Command[] {
  const read = new Unpacker(bytes);
  readHeader(read);
  const origins = read.table();
  const machines = read.table();
  const count = read.number();
  if (count > bytes.length) throw new BatchError('more commands than bytes');
  const commands: Command[] = [];
  for (let index = 0; index < count; index++) {
    const flags = read.byte();
    const encoding: Encoding | undefined = ENCODINGS[flags & 3];
    const origin = origins[read.number()];
    const sequence = read.number();
    const machine = machines[read.number()];
    if (encoding === undefined || origin === undefined || machine === undefined) throw new BatchError('bad command');
    const key = flags & HAS_KEY ? read.text() : null;
    const ifMaster = flags & HAS_IF_MASTER ? read.number() : null;
    commands.push({ id: { origin, sequence }, machine, encoding, bytes: read.bytes(read.number()), key, ifMaster });
  }
  if (!read.atEnd) throw new BatchError('bytes after the last command');
  return commands;
}

/** The group's time at which the batch was sealed, without unpacking; 0 when it does not say. */
export function batchTimeMs(bytes: Uint8Array): Millis {
  return readHeader(new Unpacker(bytes));
}

function readHeader(read: Unpacker): Millis {
  const version = read.byte();
  if (version !== VERSION && version !== VERSION_WITHOUT_TIME) throw new BatchError('unknown batch version');
  read.byte();
  return version === VERSION ? read.number() : 0;
}

/** Whether a `$membership` command is inside, without unpacking. */
export function touchesMembership(bytes: Uint8Array): boolean {
  return (bytes[0] === VERSION || bytes[0] === VERSION_WITHOUT_TIME) && ((bytes[1] ?? 0) & TOUCHES_MEMBERSHIP) !== 0;
}

/** Names, each once, in order of first use. */
class Table {
  readonly names: string[] = [];
  size = 0;
  readonly #places = new Map<string, number>();

  add(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.names.length;
    this.names.push(name);
    this.#places.set(name, place);
    this.size += Buffer.byteLength(name) + 8;
    return place;
  }
}

class Packer {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  /** Unsigned, seven bits a byte, least first. */
  number(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  text(value: string): void {
    this.number(Buffer.byteLength(value));
    this.#at += this.#buffer.write(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  table(table: Table): void {
    this.number(table.names.length);
    for (const name of table.names) this.text(name);
  }

  done(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }
}

class Unpacker {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  byte(): number {
    const value = this.#buffer[this.#at++];
    if (value === undefined) throw new BatchError('cut short');
    return value;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
      if (scale > 2 ** 53) throw new BatchError('number too long');
    }
    if (!Number.isSafeInteger(value)) throw new BatchError('number too large');
    return value;
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#buffer.length) throw new BatchError('cut short');
    const view = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  text(): string {
    const view = this.bytes(this.number());
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('utf8');
  }

  table(): string[] {
    const count = this.number();
    if (count > this.#buffer.length) throw new BatchError('more names than bytes');
    return Array.from({ length: count }, () => this.text());
  }
}
