// A group as one node sees it.
import { type Static, Type } from 'typebox';
import type { Master } from './master.js';
import type { Member } from './member.js';
import { NullableId, NullableString } from './nullable.js';

export const GroupStatus = Type.Object(
  {
    group: Type.String(),
    gid: NullableString,
    open: Type.Integer({ minimum: 0, description: 'The instance this node would vote on next' }),
    lastChosen: Type.Integer({ minimum: -1 }),
    applied: Type.Integer({ minimum: -1 }),
    firstKept: Type.Integer({ minimum: 0 }),
    checkpoint: NullableId,
    halted: { ...NullableString, description: 'Why the group is halted on this node; null in health' },
    master: Type.Unsafe<Static<typeof Master>>({ $ref: 'Master#' }),
    members: Type.Array(Type.Unsafe<Static<typeof Member>>({ $ref: 'Member#' })),
    load: Type.Object({
      queued: Type.Integer({ minimum: 0 }),
      queuedBytes: Type.Integer({ minimum: 0 }),
      waiting: Type.Integer({ minimum: 0 }),
      inFlight: Type.Boolean(),
    }),
    peers: Type.Array(Type.Object({ id: Type.String(), connected: Type.Boolean(), lastChosen: NullableId })),
    store: Type.Object({
      kind: Type.String(),
      durable: Type.Boolean(),
      available: Type.Boolean(),
      warnings: Type.Array(Type.String()),
    }),
  },
  { $id: 'GroupStatus' },
);

export const GroupList = Type.Object(
  { groups: Type.Array(Type.Unsafe<Static<typeof GroupStatus>>({ $ref: 'GroupStatus#' })) },
  { $id: 'GroupList' },
);
