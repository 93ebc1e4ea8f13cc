// Checkpoints of a node, and how much of the log a group keeps.
import { Type } from 'typebox';

export const Checkpoint = Type.Object(
  {
    instanceId: Type.Integer({ minimum: 0, description: 'The last instance inside it' }),
    bytes: Type.Integer({ minimum: 1 }),
    blocks: Type.Integer({ minimum: 1 }),
    checksum: Type.String({ description: 'Checksum of the chain up to and including that instance' }),
    takenAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'Checkpoint' },
);

export const CheckpointList = Type.Object(
  {
    checkpoints: Type.Array(Type.Unsafe({ $ref: 'Checkpoint#' }), { description: "This node's own, newest first" }),
  },
  { $id: 'CheckpointList' },
);

const KeepInstances = Type.Integer({
  minimum: 300,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Instances kept below the end of the log',
});
const Trimming = Type.Unsafe<'running' | 'paused'>({ type: 'string', enum: ['running', 'paused'] });

export const Retention = Type.Object({ keepInstances: KeepInstances, trimming: Trimming }, { $id: 'Retention' });

export const RetentionPatch = Type.Object(
  { keepInstances: Type.Optional(KeepInstances), trimming: Type.Optional(Trimming) },
  { $id: 'RetentionPatch', additionalProperties: false, minProperties: 1 },
);
