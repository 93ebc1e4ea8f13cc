// How many messages a second the mesh codec encodes and decodes: accepts with 100-byte values, 50 a frame, with and
// without a key. Prints, asserts nothing. Run: node dist/bench/codec.js
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { PeerMessage } from '../src/engine/peer-messages.js';
import { FrameDecoder, FrameEncoder } from '../src/net/frame.js';

const MESSAGES_PER_FRAME = 50;
const FRAMES = 8000;
const ROUNDS = 5;

const messages = Array.from(
  { length: MESSAGES_PER_FRAME },
  (_, i): PeerMessage => ({
    type: 'accept',
    instance: 5_000_000_000 + i,
    ballot: { round: 42, node: 'node-a' },
    value: { id: `node-a~x1y2z3/${100_000 + i}`, bytes: new Uint8Array(randomBytes(100)) },
    chain: 3_000_000_000 + i,
  }),
);

function encodeAll(key: KeyObject | null): Buffer[] {
  const encoder = new FrameEncoder(key);
  const frames: Buffer[] = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    for (const message of messages) encoder.add('orders', message, 2 ** 20);
    frames.push(encoder.finish());
  }
  return frames;
}

function decodeAll(key: KeyObject | null, frames: readonly Buffer[]): number {
  const decoder = new FrameDecoder(key);
  let decoded = 0;
  for (const frame of frames) decoded += decoder.decode(frame).length;
  return decoded;
}

for (const [name, key] of [
  ['crc', null],
  ['crc + mac', createSecretKey(randomBytes(32))],
] as const) {
  let encodeMs = Number.POSITIVE_INFINITY;
  let decodeMs = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const frames = encodeAll(key);
    const between = performance.now();
    decodeAll(key, frames);
    encodeMs = Math.min(encodeMs, between - start);
    decodeMs = Math.min(decodeMs, performance.now() - between);
    bytes = frames[0]?.length ?? 0;
  }
  const count = FRAMES * MESSAGES_PER_FRAME;
  const millions = (ms: number): string => (count / ms / 1000).toFixed(2);
  process.stdout.write(
    `${name.padEnd(10)} encode ${millions(encodeMs)} M/s, decode ${millions(decodeMs)} M/s, both ${millions(encodeMs + decodeMs)} M/s, ` +
      `${(bytes / MESSAGES_PER_FRAME).toFixed(1)} bytes a message\n`,
  );
}
