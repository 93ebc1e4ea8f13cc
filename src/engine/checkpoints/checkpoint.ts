// A checkpoint as a store holds it: blocks under a name, and the variable that says they count. The variable is written when
// every block is on disk, in one flush with whatever must change with it, so there is always exactly one checkpoint that counts,
// or none. Reading checks each block and the sum of all.
import { crc32 } from 'node:zlib';
import type { GroupId, InstanceId } from '../../core/ids.js';
import { SnapshotDamaged } from '../../machines/sections.js';
import { storeUnavailable } from '../errors.js';
import { BLOCK_BYTES, type LogStore, type VariableWrite } from '../log-store.js';
import type { CheckpointLabel } from '../peer-messages.js';
import type { Clock } from '../ports.js';
import type { CheckpointView } from '../views.js';

export interface Checkpoint extends CheckpointLabel {
  readonly name: string;
  /** Wall clock, ISO 8601, for people. */
  readonly takenAt: string;
}

export const CHECKPOINT_VARIABLE = 'checkpoint';

export function checkpointVariable(checkpoint: Checkpoint): VariableWrite {
  return { type: 'variable', name: CHECKPOINT_VARIABLE, json: JSON.stringify(checkpoint) };
}

export function checkpointOf(variables: ReadonlyMap<string, string>): Checkpoint | null {
  const json = variables.get(CHECKPOINT_VARIABLE);
  return json === undefined ? null : (JSON.parse(json) as Checkpoint);
}

/** That no other checkpoint of this store has, in this life or another. */
export function newName(instance: InstanceId, clock: Clock): string {
  return `${instance}-${Math.floor(clock.random() * 2 ** 48).toString(36)}`;
}

export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

export function isSame(a: CheckpointLabel, b: CheckpointLabel): boolean {
  return a.instance === b.instance && a.chain === b.chain && a.crc === b.crc && a.bytes === b.bytes;
}

export function viewOf({ instance, bytes, chain, takenAt }: Checkpoint): CheckpointView {
  return {
    instanceId: instance,
    bytes,
    blocks: blocksOf(bytes),
    checksum: chain.toString(16).padStart(8, '0'),
    takenAt,
  };
}

/** The checkpoint's bytes. Throws SnapshotDamaged when they are not all there, exactly as they were written. */
export async function* readBlocks(
  store: Pick<LogStore, 'readBlock'>,
  group: GroupId,
  name: string,
  { bytes, crc }: CheckpointLabel,
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  let left = bytes;
  for (let index = 0; left > 0; index++) {
    const block = await store.readBlock(group, name, index);
    if (block === null) throw new SnapshotDamaged(`block ${index} of checkpoint ${name} is missing or damaged`);
    if (block.length !== Math.min(left, BLOCK_BYTES)) throw new SnapshotDamaged(`block ${index} has a wrong length`);
    sum = crc32(block, sum);
    left -= block.length;
    yield block;
  }
  if (sum !== crc) throw new SnapshotDamaged(`checkpoint ${name} fails its checksum`);
}

/** Cuts a stream into blocks and puts them under `name`, durably. */
export async function writeBlocks(
  store: LogStore,
  group: GroupId,
  name: string,
  stream: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: number; readonly crc: number }> {
  let crc = 0;
  let bytes = 0;
  let index = 0;
  let block = Buffer.allocUnsafe(BLOCK_BYTES);
  let filled = 0;
  const put = async () => {
    const whole = block.subarray(0, filled);
    crc = crc32(whole, crc);
    bytes += filled;
    await store.putBlock(group, name, index++, whole).catch(away);
    block = Buffer.allocUnsafe(BLOCK_BYTES);
    filled = 0;
  };
  for await (const part of stream) {
    for (let at = 0; at < part.length; ) {
      const taken = Math.min(part.length - at, BLOCK_BYTES - filled);
      block.set(part.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === BLOCK_BYTES) await put();
    }
  }
  if (filled > 0) await put();
  await store.syncBlocks(group, name).catch(away);
  return { bytes, crc };
}

function away(error: unknown): never {
  throw storeUnavailable(error);
}
