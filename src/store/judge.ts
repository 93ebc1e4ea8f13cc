// The first judgement over a store that was just opened: does it hold nothing (then it is founded), or a store with its
// identity and head in order, or the ruins of one? Ruins are never founded anew in silence.
import type { StoreId } from '../core/ids.js';
import { IDENTITY_KEY } from './keys.js';
import type { FoundRows } from './ledger.js';
import { Ledger } from './ledger.js';
import { decodeIdentity } from './record.js';

export type Judgement =
  | { readonly state: 'empty'; readonly ledger: Ledger }
  | { readonly state: 'founded'; readonly ledger: Ledger; readonly identity: StoreId }
  | { readonly state: 'ruined'; readonly why: string };

export function judge(found: FoundRows, identityRow: Buffer | null): Judgement {
  const rows = found.groups.size + found.variables.length + found.logs.size;
  if (rows === 0 && identityRow === null && found.head === null) return { state: 'empty', ledger: new Ledger() };
  const identity = identityRow === null ? null : decodeIdentity(IDENTITY_KEY, identityRow);
  if (identity === null) return { state: 'ruined', why: 'its identity is gone' };
  if (found.head === null) return { state: 'ruined', why: 'its head row is gone' };
  const ledger = Ledger.of(found);
  if (ledger === null) return { state: 'ruined', why: 'its head row fails its checksum' };
  return { state: 'founded', ledger, identity };
}
