// A command: what one client call asks of one machine. Commands travel in batches (batch.ts), a batch is a core value.
import type { InstanceId } from '../core/ids.js';

/** How the bytes are to be shown: JSON text as it came, UTF-8 text, or bytes (shown as base64). */
export type Encoding = 'json' | 'utf8' | 'base64';

export const ENCODINGS: readonly Encoding[] = ['json', 'utf8', 'base64'];

/**
 * Who made the command: `origin` is unique for every start of every node (`<node>~<random>`), `sequence` counts from 0
 * there. The pair is executed at most once, however often it is chosen, so an unanswered command may be proposed again.
 */
export interface ProposalId {
  readonly origin: string;
  readonly sequence: number;
}

export interface Command {
  readonly id: ProposalId;
  readonly machine: string;
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
  /** The client's idempotency key; null: none. */
  readonly key: string | null;
  /** Apply only while this master version holds; null: always. Evaluated at apply, in log order. */
  readonly ifMaster: InstanceId | null;
}
