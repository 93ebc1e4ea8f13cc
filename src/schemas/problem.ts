// Problem documents (RFC 9457): the one shape of every answer that is not a success. `outcome` tells what the call did.
// Routes throw PaxmeshError, which they get from here; the errors plugin turns it into this document.
import { Type } from 'typebox';
import { ERROR_CODES, type ErrorCode, isErrorCode, PaxmeshError } from '../engine/errors.js';

export { ERROR_CODES, type ErrorCode, isErrorCode, PaxmeshError };

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Where the code is described, relative to the node that answered' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What was wrong with this very request, for people' }),
    code: Type.String({ enum: [...ERROR_CODES], description: 'For programs; never changes its meaning' }),
    outcome: Type.String({
      enum: ['none', 'unknown', 'committed'],
      description: 'What the call did. `none`: nothing was applied and nothing ever will be',
    }),
    retryable: Type.Boolean({ description: 'The same request may succeed later' }),
  },
  {
    $id: 'Problem',
    additionalProperties: true,
    description: 'Further members are facts of the code, such as `firstKept`',
  },
);

/** The document as JSON text. The fixed members win over facts of the same name. */
export function problemJson(error: PaxmeshError): string {
  return JSON.stringify({
    ...error.facts,
    type: `/docs#${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    detail: error.message,
    code: error.code,
    outcome: error.outcome,
    retryable: error.retryable,
  });
}

export function titleOf(code: ErrorCode): string {
  return code.charAt(0).toUpperCase() + code.slice(1).replaceAll('-', ' ');
}

export function invalidRequest(detail: string): PaxmeshError {
  return new PaxmeshError('invalid-request', detail);
}

/** The answers every operation may give, for a route's `response` schema. */
export function problems(...statuses: readonly number[]): Record<number | string, object> {
  const answer = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
  });
  const answers: Record<number | string, object> = {};
  for (const status of statuses) answers[status] = answer(STATUS_WORDS[status] ?? 'A problem');
  answers['4xx'] = answer('The request cannot be done as it is; `code` says why');
  answers['5xx'] = answer('This node cannot do it now; `outcome` tells whether it may have happened');
  return answers;
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: 'Malformed: body, parameter or header',
  404: 'No such thing',
  409: 'In conflict with the present state',
  410: 'Trimmed: only a checkpoint holds it now',
  412: 'The named precondition does not hold',
  413: 'Larger than this node takes',
  415: 'Encoded in a way this node does not take',
  422: 'Well-formed, but the machine or the idempotency key says no',
  503: 'This node cannot serve it now; outcome none, see Retry-After',
  504: 'The deadline passed; outcome unknown',
};
