// How an instance is shown to people: each value under its own encoding, JSON text verbatim.
import type { Entry } from '../../core/effects.js';
import type { InstanceId } from '../../core/ids.js';
import { unpackBatch } from '../../machines/batch.js';
import type { Command } from '../../machines/command.js';
import type { InstanceView, ValueView } from '../views.js';

/** `reasonOf`: why the value at an index changed nothing; undefined: it was applied. */
export function viewInstance(
  entry: Entry,
  reasonOf: (instance: InstanceId, index: number) => string | undefined,
): InstanceView {
  const values = unpackBatch(entry.value.bytes).map((command, index): ValueView => {
    const { machine, encoding } = command;
    const reason = reasonOf(entry.instance, index);
    const shown = { index, machine, encoding, valueJson: valueJson(command) };
    return reason === undefined ? shown : { ...shown, applied: false, reason };
  });
  return { instanceId: entry.instance, checksum: (entry.chain >>> 0).toString(16).padStart(8, '0'), values };
}

function valueJson({ encoding, bytes }: Command): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (encoding) {
    case 'json':
      return buffer.toString('utf8');
    case 'utf8':
      return JSON.stringify(buffer.toString('utf8'));
    case 'base64':
      return JSON.stringify(buffer.toString('base64'));
  }
}
