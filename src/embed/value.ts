// Values as programs have them, and as the log keeps them: bytes stay bytes, a string is text, anything else is JSON.
import { PaxmeshError } from '../engine/errors.js';
import type { ValueView } from '../engine/views.js';
import type { Encoding } from '../machines/command.js';
import type { Draft } from '../machines/machine.js';

/** A value out of the log. */
export interface LoggedValue {
  /** Place in its instance. */
  readonly index: number;
  readonly machine: string;
  readonly encoding: Encoding;
  /** `json`: parsed; `utf8`: a string; `base64`: a Buffer. */
  readonly value: unknown;
  /** False: chosen, but it changed nothing; `reason` says why. */
  readonly applied: boolean;
  readonly reason: string | null;
}

const HALF = /\p{Surrogate}/u;

/** Bytes are copied: the caller may go on writing to its own. Throws invalid-request for what JSON cannot say. */
export function draftOf(value: unknown): Draft {
  if (value instanceof Uint8Array) return { encoding: 'base64', bytes: Buffer.from(value) };
  if (typeof value === 'string' && HALF.test(value)) {
    throw new PaxmeshError('invalid-request', 'the text holds half a character, which UTF-8 cannot say');
  }
  if (typeof value === 'string') return { encoding: 'utf8', bytes: Buffer.from(value) };
  return { encoding: 'json', bytes: Buffer.from(jsonOf(value)) };
}

function jsonOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new PaxmeshError('invalid-request', `the value is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (text === undefined) throw new PaxmeshError('invalid-request', 'the value is neither bytes, nor text, nor JSON');
  return text;
}

export function loggedValue({ index, machine, encoding, valueJson, applied, reason }: ValueView): LoggedValue {
  const shown: unknown = JSON.parse(valueJson);
  const value = encoding === 'base64' ? Buffer.from(shown as string, 'base64') : shown;
  return { index, machine, encoding, value, applied: applied !== false, reason: reason ?? null };
}
