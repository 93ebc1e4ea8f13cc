// What reading and changing the state of a machine have in common, whichever machine it is: how fresh a read must be, and
// the headers of both.
import { type Static, type TProperties, Type } from 'typebox';
import { KEY_BYTES_MAX, keyFault, TTL_MS_MAX } from '../machines/json-command.js';
import { IdempotencyKey, InstanceIdParameter, TimeoutMs } from './parameters.js';
import { invalidRequest } from './problem.js';
import { IDEMPOTENCY_WINDOW, IfMaster, ProposalQuery } from './proposal.js';

export { KEY_BYTES_MAX };

export const READ = {
  read: Type.Optional(
    Type.Unsafe<'linearizable' | 'lease' | 'local'>({
      type: 'string',
      enum: ['linearizable', 'lease', 'local'],
      default: 'linearizable',
      description:
        'linearizable: all that was acknowledged anywhere before; lease: as the master knows it while its lease holds; local: what is applied on this node',
    }),
  ),
  minInstance: Type.Optional({ ...InstanceIdParameter, description: 'Wait until this instance is applied here' }),
  timeoutMs: Type.Optional(TimeoutMs),
} satisfies TProperties;

export const ReadQuery = Type.Object(READ);
export const WRITE = ProposalQuery.properties;
export const WriteQuery = ProposalQuery;
export const WriteHeaders = { 'Idempotency-Key': Type.Optional(IdempotencyKey), ...IfMaster };
export const TtlMs = Type.Integer({ minimum: 1, maximum: TTL_MS_MAX });

const header = (description: string, more: object = {}) => ({ description, type: 'string', ...more });

/** Of answers to reads. */
export const readHeaders = {
  'Paxmesh-Read': header('What the answer is: at least what was asked for', {
    enum: ['linearizable', 'lease', 'local'],
  }),
};
/** Of answers to writes. */
export const writeHeaders = {
  'Idempotency-Replayed': header('An earlier request with this key gave the answer', { enum: ['true'] }),
  'Idempotency-Window': header(`How long the key is remembered: \`${IDEMPOTENCY_WINDOW}\``),
};
/** With `route=redirect`. */
export const redirected = {
  description: 'With `route=redirect`: the master is elsewhere',
  headers: { Location: { type: 'string' } },
  type: 'null',
};

export const nameParams = (what: string) =>
  Type.Object({
    group: Type.String({ description: "The group's name" }),
    name: Type.String({
      minLength: 1,
      maxLength: KEY_BYTES_MAX,
      description: `${what}, 1 to ${KEY_BYTES_MAX} bytes of UTF-8 without NUL`,
    }),
  });
export type NameParams = Static<ReturnType<typeof nameParams>>;

/** Of a key, a name, an owner. Throws invalid-request. */
export function checkKey(what: string, key: string): string {
  const fault = keyFault(key);
  if (fault !== null) throw invalidRequest(`${what} ${fault}`);
  return key;
}
