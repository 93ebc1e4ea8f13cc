// Arbitrary messages of every type, for the codec's properties.
import fc from 'fast-check';
import type { Ballot } from '../../src/core/ballot.js';
import type { Vote } from '../../src/core/message.js';
import type { Value } from '../../src/core/value.js';
import type { PeerMessage } from '../../src/engine/peer-messages.js';
import type { FrameEntry } from '../../src/net/frame.js';

const u53 = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER));
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
const ballot: fc.Arbitrary<Ballot> = fc.record(
  { round: u53, node: fc.oneof(name, fc.constant('')) },
  { noNullPrototype: true },
);
const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 1000, maxLength: 1100 }));
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.constant('ü'.repeat(40)));
const value: fc.Arbitrary<Value> = fc.record({ id: text, bytes }, { noNullPrototype: true });
const vote: fc.Arbitrary<Vote> = fc.record({ ballot, value }, { noNullPrototype: true });
const duration = fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs);
const plain = { noNullPrototype: true } as const;

const label = { instance: u53, chain: u32, crc: u32, bytes: u53 };
export const messagesByType: { readonly [T in PeerMessage['type']]: fc.Arbitrary<PeerMessage> } = {
  prepare: fc.record({ type: fc.constant('prepare'), instance: u53, ballot }, plain),
  promised: fc.record(
    { type: fc.constant('promised'), instance: u53, ballot, vote: fc.option(vote, { nil: null }) },
    plain,
  ),
  accept: fc.record({ type: fc.constant('accept'), instance: u53, ballot, value, chain: u32 }, plain),
  accepted: fc.record({ type: fc.constant('accepted'), instance: u53, ballot }, plain),
  rejected: fc.record({ type: fc.constant('rejected'), instance: u53, ballot, promised: ballot }, plain),
  chosen: fc.record({ type: fc.constant('chosen'), instance: u53, ballot, chain: u32 }, plain),
  ask: fc.record({ type: fc.constant('ask'), open: u53 }, plain),
  teach: fc.record(
    {
      type: fc.constant('teach'),
      open: u53,
      entries: fc.array(fc.record({ instance: u53, ballot, value, chain: u32 }, plain), { maxLength: 5 }),
    },
    plain,
  ),
  forward: fc.record(
    { type: fc.constant('forward'), id: u53, reply: fc.boolean(), waitMs: duration, batch: bytes },
    plain,
  ),
  'forward-refused': fc.record(
    { type: fc.constant('forward-refused'), id: u53, code: name, detail: text, retryAfterMs: duration },
    plain,
  ),
  empty: fc.record({ type: fc.constant('empty'), ask: fc.boolean() }, plain),
  position: fc.record(
    {
      type: fc.constant('position'),
      gid: fc.option(name, { nil: null }),
      lastChosen: u53.map((open) => open - 1),
      state: fc.option(fc.record({ instance: u53, sum: u32 }, plain), { nil: null }),
    },
    plain,
  ),
  'read-ask': fc.record({ type: fc.constant('read-ask'), id: u53 }, plain),
  'read-at': fc.record({ type: fc.constant('read-at'), id: u53, through: u53.map((open) => open - 1) }, plain),
  checkpoint: fc.record({ type: fc.constant('checkpoint'), ...label }, plain),
  'block-ask': fc.record({ type: fc.constant('block-ask'), ...label, index: u53 }, plain),
  block: fc.record({ type: fc.constant('block'), instance: u53, crc: u32, index: u53, blockCrc: u32, bytes }, plain),
  resign: fc.record({ type: fc.constant('resign'), version: u53, heir: fc.option(name, { nil: null }) }, plain),
  'forward-settled': fc.record({ type: fc.constant('forward-settled'), id: u53, instance: u53, json: text }, plain),
};

export const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(...Object.values(messagesByType));
export const anyEntry: fc.Arbitrary<FrameEntry> = fc.record({ group: name, message: anyMessage }, plain);
