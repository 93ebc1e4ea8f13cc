// What the wire does to a frame in simulation. Every fourth seed sends everything through the mesh's own codec, so that a
// message nobody could have received is never acted upon, and nodes share no memory; the others pass messages by
// reference, which is faster.

import { FrameDecoder, FrameEncoder } from '../../src/net/frame.js';
import type { Frame } from '../../src/simulator/sim-transport.js';

const BYTES_MAX = 64 * 1024 * 1024;

export function wireFor(seed: number): (frame: Frame) => Frame {
  return seed % 4 === 0 ? coded : (frame) => frame;
}

function coded(frame: Frame): Frame {
  const encoder = new FrameEncoder(null);
  for (const { group, message } of frame) {
    if (!encoder.add(group, message, BYTES_MAX)) throw new RangeError(`${message.type} does not fit a frame`);
  }
  return new FrameDecoder(null).decode(encoder.finish());
}
