// What a restore answers with. The backup itself is bytes (src/machines/node-archive.ts says which).
import { Type } from 'typebox';
import { NullableString } from './nullable.js';

export const Restored = Type.Object(
  {
    groups: Type.Array(
      Type.Object({
        group: Type.String(),
        gid: NullableString,
        instanceId: Type.Integer({ minimum: 0, description: 'From this instance on the state is there' }),
      }),
    ),
  },
  { $id: 'Restored' },
);
