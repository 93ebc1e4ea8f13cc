// What instances agree on. To the core a value is opaque: an id and bytes. The bytes are a batch of commands, packed by
// the host (src/machines/batch.ts). Whether a chosen value is mine is decided by the id, never by comparing bytes
// (the original told 600 callers OK and executed 597).

/** Unique for every sealing of a value, over all nodes and restarts. `<origin>/<number>`. */
export type ValueId = string;

export interface Value {
  readonly id: ValueId;
  readonly bytes: Uint8Array;
}
