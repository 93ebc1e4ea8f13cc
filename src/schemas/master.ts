// Who holds the lease of a group, and what people order about it.
import { Type } from 'typebox';
import { MemberId } from './member.js';
import { NullableId, NullableString } from './nullable.js';

export const Master = Type.Object(
  {
    node: { ...NullableString, description: 'null: nobody holds the lease, which is no fault' },
    url: NullableString,
    version: {
      ...NullableId,
      description: 'The instance that began this tenure: stable over renewals, good as a fence',
    },
    renewal: { ...NullableId, description: 'The instance of the last renewal' },
    leaseMs: Type.Integer({ minimum: 1000 }),
    expiresInMs: Type.Unsafe<number | null>({ type: ['number', 'null'], description: "By this node's clock" }),
    self: Type.Boolean({ description: 'This node holds the lease, by its own clock less a margin' }),
  },
  { $id: 'Master' },
);

export const Transfer = Type.Object(
  { to: { ...MemberId, description: 'A voter that is connected and level' } },
  { $id: 'Transfer', additionalProperties: false },
);

export const Preferred = Type.Object(
  {
    node: Type.Unsafe<string | null>({
      anyOf: [MemberId, { type: 'null' }],
      description: 'Who shall be master whenever it can; null: nobody in particular',
    }),
  },
  { $id: 'Preferred', additionalProperties: false },
);

/** As for the setting of the same name. */
const LEASE_MS_MAX = 3_600_000;

export const Lease = Type.Object(
  { leaseMs: Type.Integer({ minimum: 1000, maximum: LEASE_MS_MAX }) },
  { $id: 'Lease', additionalProperties: false },
);
