// The one limit of values, and what a command may take up that holds a value among other things. Machines whose commands are
// JSON put bytes there as base64, a third longer, beside a key and a few fields. A caller of such a machine is told about the
// value; frames have room for the command.

/** Key, type and preconditions, each as long and as much escaped as they may be. */
const FIELDS_BYTES_MAX = 16 * 1024;

/** The largest command of a cluster whose largest value has so many bytes. */
export function commandBytesMaxFor(valueBytesMax: number): number {
  return base64BytesOf(valueBytesMax) + FIELDS_BYTES_MAX;
}

export function base64BytesOf(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}
