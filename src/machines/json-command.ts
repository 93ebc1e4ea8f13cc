// Commands that are JSON objects, as the machines that Paxmesh brings take them: read strictly, and the same on every node
// and version of Node. What cannot be read is said in a sentence, never thrown: the log moves on.
import { isUtf8 } from 'node:buffer';
import type { Draft } from './machine.js';

/** Of keys and names, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;
/** Ten years. */
export const TTL_MS_MAX = 10 * 365 * 24 * 3600 * 1000;

/** What a command holds that is not what it should be. */
export class BadCommand extends Error {
  override readonly name = 'BadCommand';
}

export type Fields = Readonly<Record<string, unknown>>;

/** What `read` makes of the command; or why it is none, as a machine says so. */
export function readCommand<T>({ encoding, bytes }: Draft, read: (fields: Fields, text: Buffer) => T): T | BadCommand {
  try {
    if (encoding !== 'json' || !isUtf8(bytes)) throw new BadCommand('a command of this machine is JSON');
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return read(parse(text), text);
  } catch (error) {
    if (error instanceof BadCommand) return error;
    throw error;
  }
}

function parse(text: Buffer): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString('utf8'));
  } catch {
    throw new BadCommand('the command is not well-formed JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new BadCommand('a command of this machine is a JSON object');
  }
  return parsed as Fields;
}

/** A misspelt field must not pass for an absent one. */
export function onlyFields(fields: Fields, known: readonly string[]): void {
  const stranger = Object.keys(fields).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new BadCommand(`a field nobody knows: ${stranger.slice(0, 64)}`);
}

/** 1 to 1024 bytes of UTF-8, any characters but NUL. */
export function readKey(fields: Fields, name: string): string {
  const value = fields[name];
  const fault = typeof value === 'string' ? keyFault(value) : 'must be a string';
  if (fault !== null) throw new BadCommand(`${name} ${fault}`);
  return value as string;
}

/** What is wrong with a key or a name; null: nothing. */
export function keyFault(key: string): string | null {
  if (isBroken(key) || key.includes('\0')) return 'holds half a character, or NUL';
  const bytes = Buffer.byteLength(key);
  return bytes >= 1 && bytes <= KEY_BYTES_MAX ? null : `must have 1 to ${KEY_BYTES_MAX} bytes of UTF-8`;
}

/** Half a surrogate pair, which UTF-8 cannot say. */
export function isBroken(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

export function readTtlMs(fields: Fields): number {
  const { ttlMs } = fields;
  if (Number.isSafeInteger(ttlMs) && (ttlMs as number) >= 1 && (ttlMs as number) <= TTL_MS_MAX) return ttlMs as number;
  throw new BadCommand(`ttlMs must be an integer from 1 to ${TTL_MS_MAX}`);
}
