// Which store an offline command is about: the flags and variables that `serve` takes for its own.
import type { ParseArgsConfig } from 'node:util';
import { UsageError } from './errors.js';

export const STORE_OPTIONS = {
  node: { type: 'string' },
  store: { type: 'string' },
  json: { type: 'boolean', default: false },
} satisfies NonNullable<ParseArgsConfig['options']>;

const NODE_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;

export interface StoreSettings {
  readonly node: string;
  /** As PAXMESH_STORE. May hold a password: not to be shown. */
  readonly store: string;
}

/** An embedded store belongs to one node whichever it is; who only looks into one need not know. */
export function readStoreSettings(
  values: { readonly node?: string | undefined; readonly store?: string | undefined },
  mustKnowNode: boolean,
): StoreSettings {
  const given = values.store ?? process.env['PAXMESH_STORE'] ?? '';
  const node = values.node ?? process.env['PAXMESH_NODE'] ?? '';
  const isNodeNeeded = mustKnowNode || !given.startsWith('embedded:');
  if (isNodeNeeded && node === '') throw new UsageError('say whose store it is: --node a');
  if (node !== '' && !NODE_PATTERN.test(node)) throw new UsageError(`not the id of a node: ${node}`);
  return { node, store: given === '' ? `embedded:.paxmesh/${node}` : given };
}
