// What becomes of a frame on its way: now and then a block of a checkpoint is not what was sent.
import type { Random } from '../core/random.js';
import type { Frame } from './sim-transport.js';

export type Wire = (frame: Frame) => Frame;

export function garbledWire(wire: Wire, chance: number, random: Random): Wire {
  if (chance === 0) return wire;
  return (frame) =>
    wire(frame).map((part) => {
      const { message } = part;
      if (message.type !== 'block' || random.next() >= chance) return part;
      const bytes = Uint8Array.from(message.bytes);
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return { ...part, message: { ...message, bytes } };
    });
}
