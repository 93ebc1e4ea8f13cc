// Who holds the lease of a group.
import { Type } from 'typebox';
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
