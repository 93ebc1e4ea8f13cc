// Locks: who holds one, until when, and the fence that proves it.
import { type Static, Type } from 'typebox';
import { InstanceIdParameter, parseInteger } from './parameters.js';
import { invalidRequest } from './problem.js';
import { checkKey, KEY_BYTES_MAX, TtlMs } from './state.js';

const Owner = Type.String({
  minLength: 1,
  maxLength: KEY_BYTES_MAX,
  description: 'A label for people and programs; it proves nothing',
});
const Fence = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description:
    'Larger than every fence given before in this group: a resource that remembers it turns late holders away',
});

export const Lock = Type.Object(
  {
    owner: Owner,
    fence: Fence,
    expiresInMs: Type.Integer({
      minimum: 0,
      description: "By the group's own time, which stands while the group is down",
    }),
  },
  { $id: 'Lock' },
);

export const LockOrder = Type.Object(
  {
    owner: Owner,
    ttlMs: TtlMs,
    fence: Type.Optional({ ...Fence, description: 'Of the holder: renews the lock. Absent: acquires it' }),
  },
  { $id: 'LockOrder', additionalProperties: false },
);

export const LockRelease = Type.Object({ fence: Fence }, { $id: 'LockRelease', additionalProperties: false });

/** As it stands in the log. Throws invalid-request. */
export function lockOrderJson(name: string, { owner, ttlMs, fence }: Static<typeof LockOrder>): string {
  checkKey('owner', owner);
  const order = { name: checkKey('the name', name), owner, ttlMs };
  return JSON.stringify(fence === undefined ? { op: 'acquire', ...order } : { op: 'renew', ...order, fence });
}

/** The fence stands in the body or in the query. Throws invalid-request. */
export function lockReleaseJson(name: string, body: unknown, query: number | undefined): string {
  const fence = query ?? fenceIn(body);
  return JSON.stringify({ op: 'release', name: checkKey('the name', name), fence });
}

export const FenceParameter = { ...InstanceIdParameter, description: 'In place of the body' };

function fenceIn(body: unknown): number {
  const { fence } = (typeof body === 'object' && body !== null ? body : {}) as { readonly fence?: unknown };
  const number = parseInteger(String(fence));
  if (typeof fence !== 'number' || number === null) {
    throw invalidRequest('Name the fence, as {"fence": 7} in the body or as ?fence=7');
  }
  return number;
}
