// A store that somebody looks into from outside, while no node needs it or in spite of one: it stays as it is, no epoch is taken
// and no node is fenced off. The adapters are in src/store.
import type { StoreId } from '../../core/ids.js';
import type { LogStore } from '../log-store.js';

/** What can be asked of a store without changing it. */
export type StoreView = Pick<LogStore, 'groups' | 'variables' | 'load' | 'read' | 'readBlock' | 'checkpoints'>;

export interface Reading {
  readonly identity: StoreId;
  /** Of the last opening. */
  readonly epoch: number;
  /** A node has it open, as far as can be told. What is read may then be of more than one moment. */
  readonly inUse: boolean;
}

export interface StoreReader extends StoreView {
  readonly kind: LogStore['kind'];
  /** Throws StoreUnusable, also when nothing is there. */
  open(): Promise<Reading>;
  close(): Promise<void>;
}
