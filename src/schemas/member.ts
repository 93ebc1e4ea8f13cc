// Who belongs to a group, and what people order about it: the bodies, and the conditions in query and header.
import { type Static, Type } from 'typebox';
import { httpOrigin } from '../http-origin.js';
import { NullableId } from './nullable.js';
import { parseInteger, TimeoutMs } from './parameters.js';
import { invalidRequest, PaxmeshError } from './problem.js';

export const MemberId = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: '1 to 63 of a-z, 0-9 and -, not beginning with -',
});
const MemberUrl = Type.String({
  maxLength: 512,
  description: 'How peers and clients reach it: http or https, host and port, nothing more',
});
const MemberRole = Type.Unsafe<'voter' | 'learner' | 'observer'>({
  type: 'string',
  enum: ['voter', 'learner', 'observer'],
});

export const Member = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    role: MemberRole,
    live: Type.Boolean({ description: 'This node itself, or a link to it is up' }),
    lastChosen: { ...NullableId, description: 'Last chosen instance known of there' },
    needsReadmission: Type.Boolean({ description: 'Its store was lost: it does not vote until it is re-admitted' }),
  },
  { $id: 'Member' },
);

export const Members = Type.Object(
  {
    gid: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: "The group's id; null before it is founded",
    }),
    version: Type.Integer({ minimum: -1, description: 'The instance that set this membership; -1: configured' }),
    members: Type.Array(Type.Unsafe<Static<typeof Member>>({ $ref: 'Member#' })),
  },
  { $id: 'Members' },
);

export const NewMember = Type.Object(
  {
    id: MemberId,
    url: MemberUrl,
    role: Type.Optional({
      ...MemberRole,
      default: 'voter',
      description: 'A voter comes as a learner and is promoted when it is level',
    }),
  },
  { $id: 'NewMember', additionalProperties: false },
);

export const MemberPatch = Type.Object(
  { url: Type.Optional(MemberUrl), role: Type.Optional(MemberRole) },
  { $id: 'MemberPatch', additionalProperties: false, minProperties: 1 },
);

export const Replacement = Type.Object(
  { id: MemberId, url: MemberUrl },
  { $id: 'Replacement', additionalProperties: false },
);

export const MemberParams = Type.Object({ group: Type.String(), id: Type.String({ description: "The member's id" }) });

export const ChangeQuery = Type.Object({
  force: Type.Optional(
    Type.Boolean({ default: false, description: 'Also when fewer voters would be live than make a quorum' }),
  ),
  timeoutMs: Type.Optional(TimeoutMs),
});

export const ChangeHeaders = Type.Object({
  'If-Match': Type.Optional(
    Type.String({ description: 'The version in quotes: changed only while the membership has it; `*`: any' }),
  ),
});

/** Query and header of a change, as the engine wants them. Throws invalid-request, precondition-failed. */
export function changeOptions(
  { force, timeoutMs }: Static<typeof ChangeQuery>,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): { force?: boolean; timeoutMs?: number; ifMatch?: number } {
  const ifMatch = versionIn(headers['if-match']);
  return {
    ...(force === undefined ? {} : { force }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(ifMatch === null ? {} : { ifMatch }),
  };
}

/** null: any. */
function versionIn(header: string | readonly string[] | undefined): number | null {
  if (header === undefined || header === '*') return null;
  const [, tag] = /^"([\x21\x23-\x7e]{0,64})"$/.exec(String(header)) ?? [];
  if (tag === undefined) throw invalidRequest('If-Match must be one version in quotes, such as "17", or *');
  const version = parseInteger(tag);
  if (version === null) throw new PaxmeshError('precondition-failed', `the membership has no version ${tag}`);
  return version;
}

/** The address in its canonical form. Throws invalid-request; what is refused may hold a password and is not repeated. */
export function memberUrl(text: string): string {
  const origin = httpOrigin(text);
  if (origin === null) throw invalidRequest('url must be of the form http://host:port or https://host:port');
  return origin;
}
