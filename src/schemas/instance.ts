// Instances as the API shows them. Values stand verbatim in the answers, so these texts are put together by hand: a
// serializer would have to parse the values first.
import { type Static, Type } from 'typebox';
import { InstanceIdParameter, WaitMs } from './parameters.js';
import type { Value } from './value.js';

export const InstanceParams = Type.Object({ group: Type.String(), id: InstanceIdParameter });

export const InstancesQuery = Type.Object({
  from: Type.Optional({ ...InstanceIdParameter, description: 'First id wanted; the first kept one when absent' }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  waitMs: Type.Optional(WaitMs),
});

export const Instance = Type.Object(
  {
    instanceId: Type.Integer({ minimum: 0 }),
    checksum: Type.String({ description: 'Checksum of the chain up to and including this instance' }),
    values: Type.Array(Type.Unsafe<Value>({ $ref: 'Value#' })),
  },
  { $id: 'Instance' },
);

export const InstancePage = Type.Object(
  {
    items: Type.Array(Type.Unsafe<Static<typeof Instance>>({ $ref: 'Instance#' })),
    next: Type.Integer({ minimum: 0, description: 'First id of the next page' }),
    firstKept: Type.Integer({ minimum: 0 }),
    lastChosen: Type.Integer({ minimum: -1, description: '-1: nothing is chosen yet' }),
  },
  { $id: 'InstancePage' },
);

/** As the engine's views give them: `valueJson` is JSON text already. */
interface ValueText {
  readonly index: number;
  readonly machine: string;
  readonly encoding: string;
  readonly valueJson: string;
  readonly applied?: false;
  readonly reason?: string;
}
interface InstanceText {
  readonly instanceId: number;
  readonly checksum: string;
  readonly values: readonly ValueText[];
}
interface PageText {
  readonly items: readonly InstanceText[];
  readonly next: number;
  readonly firstKept: number;
  readonly lastChosen: number;
}

export function valuesJson(values: readonly ValueText[]): string {
  return `[${values.map(valueJson).join(',')}]`;
}

function valueJson(value: ValueText): string {
  const unapplied = value.applied === false ? `,"applied":false,"reason":${JSON.stringify(value.reason ?? '')}` : '';
  const { index, machine, encoding } = value;
  return `{"index":${index},"machine":${JSON.stringify(machine)},"encoding":"${encoding}","value":${value.valueJson}${unapplied}}`;
}

export function instanceJson(view: InstanceText): string {
  return `{"instanceId":${view.instanceId},"checksum":${JSON.stringify(view.checksum)},"values":${valuesJson(view.values)}}`;
}

export function pageJson({ items, next, firstKept, lastChosen }: PageText): string {
  return `{"items":[${items.map(instanceJson).join(',')}],"next":${next},"firstKept":${firstKept},"lastChosen":${lastChosen}}`;
}
