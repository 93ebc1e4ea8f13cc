// Proposing one value: headers, query, answer, and looking an idempotency key up afterwards.
import { type Static, Type } from 'typebox';
import { KEY_INSTANCES, KEYS_MAX } from '../machines/idempotency.js';
import { IdempotencyKey, InstanceIdParameter, RouteParameter, TimeoutMs, WaitMs } from './parameters.js';

/** How long a key is remembered: for so many instances, and while so many newer keys have not come. */
export const IDEMPOTENCY_WINDOW = `instances=${KEY_INSTANCES}, keys=${KEYS_MAX}`;

export const MachineName = Type.String({
  minLength: 1,
  maxLength: 64,
  default: 'log',
  description: 'The machine that shall apply the value',
});

export const ProposalQuery = Type.Object({
  timeoutMs: Type.Optional(TimeoutMs),
  route: Type.Optional(RouteParameter),
});

export const IfMaster = {
  'If-Master': Type.Optional({
    ...InstanceIdParameter,
    description: 'Applied only while this master version holds (checked in log order)',
  }),
};
export const ProposalHeaders = Type.Object({
  'Paxmesh-Machine': Type.Optional(MachineName),
  'Idempotency-Key': Type.Optional(IdempotencyKey),
  ...IfMaster,
});
export const BatchHeaders = Type.Object({
  'Paxmesh-Machine': Type.Optional({ ...MachineName, description: 'For entries that name no machine' }),
  ...IfMaster,
});

export const Committed = Type.Object(
  {
    group: Type.String(),
    instanceId: Type.Integer({ minimum: 0 }),
    index: Type.Integer({ minimum: 0, description: 'Place inside the instance' }),
    result: Type.Unknown({ description: "The machine's answer" }),
  },
  { $id: 'Committed' },
);

export const ProposalKeyQuery = Type.Object({ waitMs: Type.Optional(WaitMs) });
export const ProposalKeyParams = Type.Object({ group: Type.String(), key: IdempotencyKey });

export const ProposalState = Type.Object(
  {
    state: Type.String({ enum: ['applied', 'pending'] }),
    instanceId: Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0 }),
    index: Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0 }),
    result: Type.Unknown(),
    code: Type.Optional(Type.String({ description: 'Only for a proposal that was chosen and had no effect: why' })),
    reason: Type.Optional(Type.String()),
  },
  { $id: 'ProposalState' },
);

/** The URL of the master when it is another node, which is where `route=redirect` leads; else null. */
export function masterElsewhere(
  master: { readonly node: string | null; readonly url: string | null },
  here: string,
): string | null {
  return master.node === null || master.node === here ? null : master.url;
}

/** Query and headers that were checked already, as the engine wants them. */
export function proposeOptions(
  { timeoutMs, route }: Static<typeof ProposalQuery>,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): {
  timeoutMs: number | undefined;
  route: 'forward' | 'redirect' | 'local' | undefined;
  ifMaster: number | undefined;
} {
  const ifMaster = headers['if-master'];
  return { timeoutMs, route, ifMaster: ifMaster === undefined ? undefined : Number(ifMaster) };
}
