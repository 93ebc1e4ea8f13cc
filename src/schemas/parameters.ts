// Query strings, path parameters and headers arrive as text. Their schemas (which also are the document) are read here
// strictly: no coercion by accident ('0x10', ' 5', '1e3' are not integers), nothing given twice, unknown names ignored.
import { Type } from 'typebox';
import { invalidRequest, type PaxmeshError } from './problem.js';

/** `?route=`: where a proposal goes that was posted to a node other than the master. */
export const RouteParameter = Type.Unsafe<'forward' | 'redirect' | 'local'>({
  type: 'string',
  enum: ['forward', 'redirect', 'local'],
  default: 'forward',
  description: 'forward: hand it to the master; redirect: answer 307 with its URL; local: propose here',
});
export const TimeoutMs = Type.Integer({
  minimum: 1,
  maximum: 60_000,
  description: "Deadline; the node's default when absent",
});
export const WaitMs = Type.Integer({
  minimum: 0,
  maximum: 60_000,
  default: 0,
  description: 'Wait so long for an answer',
});
/** Of orders to the group. */
export const OrderQuery = Type.Object({ timeoutMs: Type.Optional(TimeoutMs) });
export const InstanceIdParameter = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const IdempotencyKey = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
  description:
    'Makes a retry safe: the same key is applied once. A repeat waits for the answer of a request that is under way. Visible ASCII',
});

export const GroupParams = Type.Object({ group: Type.String({ description: "The group's name" }) });

interface PropertySchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface ParameterSchema {
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
}

type Parsed = { value?: Record<string, unknown>; error?: PaxmeshError };
type Read = (name: string, text: string) => unknown;

/**
 * Compiles an object schema into a reader of text parameters. `part` names them in errors. Headers are checked only:
 * their object stays the framework's own.
 */
export function compileParameters(schema: unknown, part: 'query' | 'path' | 'header'): (input: unknown) => Parsed {
  const { properties, required = [] } = schema as ParameterSchema;
  const readers = Object.entries(properties).map(([name, property]) => ({
    name,
    key: part === 'header' ? name.toLowerCase() : name,
    required: required.includes(name),
    read: reader(property),
  }));
  // The router gives every path parameter, as a string: without a rule there is nothing to check.
  if (part === 'path' && Object.values(properties).every(isAnyText)) return () => AS_IT_CAME;
  return (input) => {
    const given = input as Readonly<Record<string, unknown>>;
    let value: Record<string, unknown> | null = null;
    for (const { name, key, required, read } of readers) {
      const text = given[key];
      if (text === undefined) {
        if (required) return { error: invalidRequest(`${part} parameter ${name} is missing`) };
        continue;
      }
      if (typeof text !== 'string')
        return { error: invalidRequest(`${part} parameter ${name} is given more than once`) };
      const parsed = read(name, text);
      if (parsed instanceof Error) return { error: parsed as PaxmeshError };
      value ??= {};
      value[name] = parsed;
    }
    return part === 'header' || value === null ? AS_IT_CAME : { value };
  };
}

const AS_IT_CAME: Parsed = Object.freeze({});

function isAnyText(schema: PropertySchema): boolean {
  return schema.type === 'string' && Object.keys(schema).every((key) => key === 'type' || key === 'description');
}

function reader(schema: PropertySchema): Read {
  if (schema.type === 'integer') {
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema;
    return (name, text) => {
      const number = parseInteger(text);
      if (number !== null && number >= minimum && number <= maximum) return number;
      return invalidRequest(`${name} must be an integer from ${minimum} to ${maximum}`);
    };
  }
  if (schema.type === 'boolean') {
    return (name, text) => {
      if (text === 'true' || text === 'false') return text === 'true';
      return invalidRequest(`${name} must be true or false`);
    };
  }
  return stringReader(schema);
}

function stringReader({
  enum: words,
  minLength = 0,
  maxLength = Number.POSITIVE_INFINITY,
  pattern,
}: PropertySchema): Read {
  const shape = pattern === undefined ? null : new RegExp(pattern);
  return (name, text) => {
    if (words !== undefined && !words.includes(text))
      return invalidRequest(`${name} must be one of ${words.join(', ')}`);
    if (text.length < minLength || text.length > maxLength) {
      return invalidRequest(`${name} must have ${minLength} to ${maxLength} characters`);
    }
    if (shape !== null && !shape.test(text))
      return invalidRequest(`${name} holds characters that are not allowed there`);
    return text;
  };
}

/** A plain decimal safe integer without sign or leading zeros, else null. */
export function parseInteger(text: string): number | null {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : null;
}
