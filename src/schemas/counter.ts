// Counters: named whole numbers that are added to.
import { Type } from 'typebox';

export const Counter = Type.Object({ value: Type.Integer() }, { $id: 'Counter' });

export const CounterAdd = Type.Object(
  {
    add: Type.Integer({
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Below 0: taken off',
    }),
  },
  { $id: 'CounterAdd', additionalProperties: false },
);
