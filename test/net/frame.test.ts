import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { InvariantBroken } from '../../src/core/invariant.js';
import { FrameDecoder, FrameEncoder, type FrameEntry } from '../../src/net/frame.js';
import { FrameError } from '../../src/net/frame-error.js';
import { anyEntry, messagesByType } from './messages.js';

const NO_LIMIT = 2 ** 30;
const key = createSecretKey(Buffer.from('a key of this test'));
const accept: FrameEntry = {
  group: 'main',
  message: {
    type: 'accept',
    instance: 5_000_000_000,
    ballot: { round: 7, node: 'a' },
    value: { id: 'a/1', bytes: new Uint8Array([1, 2, 3]) },
    chain: 4_000_000_000,
  },
};

function encode(entries: readonly FrameEntry[], secret: typeof key | null = null): Buffer {
  const encoder = new FrameEncoder(secret);
  for (const { group, message } of entries) assert.ok(encoder.add(group, message, NO_LIMIT));
  return encoder.finish();
}

/** A frame around a body that an attacker made: the checksum is right. */
function forge(body: readonly number[], count = 1): Buffer {
  const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count, ...body]), Buffer.alloc(4)]);
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

const main = [0, 4, ...Buffer.from('main')];

describe('a frame', () => {
  for (const [type, arbitrary] of Object.entries(messagesByType)) {
    test(`brings every ${type} back as it was`, () => {
      fc.assert(
        fc.property(arbitrary, (message) => {
          assert.deepEqual(new FrameDecoder(null).decode(encode([{ group: 'main', message }])), [
            { group: 'main', message },
          ]);
        }),
      );
    });
  }

  test('brings many messages of many groups back in order, with a key and without', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 30 }), fc.boolean(), (entries, keyed) => {
        const secret = keyed ? key : null;
        assert.deepEqual(new FrameDecoder(secret).decode(encode(entries, secret)), entries);
      }),
    );
  });

  test('cut short anywhere is refused', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 3 }), fc.boolean(), (entries, keyed) => {
        const secret = keyed ? key : null;
        const frame = encode(entries, secret);
        for (let length = 0; length < frame.length; length++) {
          assert.throws(() => new FrameDecoder(secret).decode(frame.subarray(0, length)), FrameError);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('with any byte flipped is refused', () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (entries, flip, keyed) => {
          const secret = keyed ? key : null;
          const frame = encode(entries, secret);
          for (let at = 0; at < frame.length; at++) {
            const bad = Buffer.from(frame);
            bad[at] = (bad[at] ?? 0) ^ flip;
            assert.throws(() => new FrameDecoder(secret).decode(bad), FrameError);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test('made of garbage under a right checksum throws FrameError or decodes, and nothing else', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 200 }), (body, count) => {
        try {
          new FrameDecoder(null).decode(forge([...main, ...body], count));
        } catch (error) {
          assert.ok(error instanceof FrameError, String(error));
          refused++;
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(refused > 2500);
  });

  test('that claims an instance above 2^53 - 1 is refused', () => {
    const ask = (high: number): Buffer => forge([...main, 7, 0, high, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert.deepEqual(new FrameDecoder(null).decode(ask(0x1f)), [
      { group: 'main', message: { type: 'ask', open: Number.MAX_SAFE_INTEGER } },
    ]);
    assert.throws(() => new FrameDecoder(null).decode(ask(0x20)), FrameError);
  });

  test('with bytes left over is refused', () => {
    const body = [...main, 7, 0, 0, 0, 0, 0, 0, 0, 1];
    assert.equal(new FrameDecoder(null).decode(forge(body)).length, 1);
    assert.throws(() => new FrameDecoder(null).decode(forge([...body, 0])), FrameError);
  });

  test('that claims a value of 4 GiB is refused before anything is allocated', () => {
    const forward = [16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert.throws(
      () => new FrameDecoder(null).decode(forge([...main, ...forward, 0xff, 0xff, 0xff, 0xff, 0x0f])),
      FrameError,
    );
  });

  test('that claims a wait of minus one or of no number is refused', () => {
    for (const wait of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(wait);
      assert.throws(
        () => new FrameDecoder(null).decode(forge([...main, 16, ...Array(8).fill(0), 0, ...bytes, 0])),
        FrameError,
      );
    }
  });

  test('replayed or out of sequence is refused', () => {
    const encoder = new FrameEncoder(null);
    const frames = [0, 1].map(() => {
      encoder.add(accept.group, accept.message, NO_LIMIT);
      return encoder.finish();
    });
    const decoder = new FrameDecoder(null);
    assert.throws(() => decoder.decode(frames[1] ?? Buffer.alloc(0)), FrameError);
    decoder.decode(frames[0] ?? Buffer.alloc(0));
    assert.throws(() => decoder.decode(frames[0] ?? Buffer.alloc(0)), FrameError);
    assert.deepEqual(decoder.decode(frames[1] ?? Buffer.alloc(0)), [accept]);
  });

  test('under another key, or under none, is refused', () => {
    const other = createSecretKey(Buffer.from('another key'));
    assert.throws(() => new FrameDecoder(key).decode(encode([accept], other)), FrameError);
    assert.throws(() => new FrameDecoder(key).decode(encode([accept])), FrameError);
    assert.throws(() => new FrameDecoder(null).decode(encode([accept], key)), FrameError);
  });

  test('names each group and node once however many messages it holds', () => {
    const one = encode([accept]).length;
    const hundred = encode(Array<FrameEntry>(100).fill(accept)).length;
    assert.ok(hundred - one < 99 * 36, `${hundred} bytes`);
  });

  test('takes no message that would make it too large, and is whole without it', () => {
    const encoder = new FrameEncoder(null);
    assert.ok(encoder.add(accept.group, accept.message, 200));
    const large = { type: 'forward', id: 1, reply: false, waitMs: 5, batch: new Uint8Array(150) } as const;
    assert.equal(encoder.add('other', large, 200), false);
    assert.ok(encoder.add('other', { type: 'ask', open: 3 }, 200));
    const frame = encoder.finish();
    assert.ok(frame.length <= 200);
    assert.deepEqual(new FrameDecoder(null).decode(frame), [
      accept,
      { group: 'other', message: { type: 'ask', open: 3 } },
    ]);
  });

  test('gives values that do not keep the frame alive', () => {
    const frame = encode(Array<FrameEntry>(1000).fill(accept));
    for (const { message } of new FrameDecoder(null).decode(frame)) {
      assert.ok(message.type === 'accept' && message.value.bytes.buffer.byteLength <= 8192);
      assert.notEqual(message.value.bytes.buffer, frame.buffer);
    }
  });

  test('cannot be made of a number that the wire cannot carry', () => {
    for (const open of [-1, 0.5, 2 ** 53, Number.NaN]) {
      assert.throws(() => new FrameEncoder(null).add('main', { type: 'ask', open }, NO_LIMIT), InvariantBroken);
    }
  });
});
