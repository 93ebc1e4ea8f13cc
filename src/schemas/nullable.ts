// Absent facts are null, never missing.
import { Type } from 'typebox';

export const NullableId = Type.Unsafe<number | null>({ type: ['integer', 'null'] });
export const NullableString = Type.Unsafe<string | null>({ type: ['string', 'null'] });
