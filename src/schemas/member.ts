// Who belongs to a group.
import { type Static, Type } from 'typebox';
import { NullableId } from './nullable.js';

export const Member = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    role: Type.String({ enum: ['voter', 'learner', 'observer'] }),
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
