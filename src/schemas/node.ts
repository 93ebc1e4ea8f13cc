// One node and its health.
import { Type } from 'typebox';
import { NullableString } from './nullable.js';

export const NodeStatus = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    version: Type.String(),
    uptimeMs: Type.Number({ minimum: 0 }),
    store: Type.Object({ kind: Type.String(), durable: Type.Boolean(), warnings: Type.Array(Type.String()) }),
    groups: Type.Array(Type.String()),
  },
  { $id: 'NodeStatus' },
);

export const Live = Type.Object({ live: Type.Literal(true) }, { $id: 'Live' });

export const Ready = Type.Object(
  {
    ready: Type.Literal(true),
    checks: Type.Array(
      Type.Object({ name: Type.String(), ok: Type.Boolean(), code: NullableString, detail: Type.String() }),
    ),
  },
  { $id: 'Ready' },
);
