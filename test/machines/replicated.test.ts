// Whatever is asked of the machines in whatever order: they agree with simple models, nodes that are fed the same agree with
// each other, and a snapshot taken anywhere, read while commands go on, stands for the commands before it. Taken away once each, and seen
// to fail here or beside: ending at the very millisecond, ending before every command, taking hold of the state at the call,
// the fence as the proof of the holder, the leap of fences and the third number of ETags after a backup.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CounterMachine } from '../../src/machines/counter.js';
import { KvMachine, type KvPage } from '../../src/machines/kv.js';
import { LockMachine, type LockView } from '../../src/machines/lock.js';
import type { StateMachine } from '../../src/machines/machine.js';
import { codeOf, feed, hold, restore } from './fed.js';

interface Step {
  readonly order: Record<string, unknown>;
  readonly passMs: number;
}

const ttlMs = fc.integer({ min: 1, max: 30 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const steps = (order: fc.Arbitrary<Record<string, unknown>>) =>
  fc.array(fc.record({ order, passMs: fc.nat({ max: 15 }) }), { maxLength: 60 });

const key = fc.constantFrom('a', 'b', 'b/c', '\uffff', '\u{1f600}');
const tag = fc.oneof(
  fc.constant('*'),
  fc.nat({ max: 60 }).map((instance) => `${instance}.0`),
);
const kvOrder = fc.oneof(
  fc.record({
    op: fc.constant('put'),
    key,
    value: fc.nat(),
    ttlMs: optional(ttlMs),
    ifMatch: optional(tag),
    ifNoneMatch: optional(fc.boolean()),
  }),
  fc.record({ op: fc.constant('put'), key, value: fc.nat(), ttlMs: optional(ttlMs) }),
  fc.record({ op: fc.constant('delete'), key, ifMatch: optional(tag) }),
  fc.constant({ op: 'expire' }),
  fc.constant({ op: 'nonsense' }),
);
const name = fc.constantFrom('l', 'm');
const fence = fc.integer({ min: 1, max: 12 });
const lockOrder = fc.oneof(
  fc.record({ op: fc.constant('acquire'), name, owner: fc.constantFrom('a', 'b'), ttlMs }),
  fc.record({ op: fc.constant('renew'), name, fence, ttlMs }),
  fc.record({ op: fc.constant('release'), name, fence }),
  fc.constant({ op: 'expire' }),
);
const counterOrder = fc.record({
  op: fc.constant('add'),
  name,
  add: fc.oneof(fc.integer(), fc.maxSafeInteger()),
});

const KINDS: readonly [string, () => StateMachine, fc.Arbitrary<Record<string, unknown>>][] = [
  ['kv', () => new KvMachine(), kvOrder],
  ['lock', () => new LockMachine(), lockOrder],
  ['counter', () => new CounterMachine(), counterOrder],
];

function feedAll(machine: StateMachine, all: readonly Step[], from: number, to: number): unknown[] {
  let timeMs = all.slice(0, from).reduce((sum, { passMs }) => sum + passMs, 0);
  return all.slice(from, to).map(({ order, passMs }, at) => {
    timeMs += passMs;
    return [feed(machine, order, { instance: from + at, timeMs }), machine.dueAtMs, machine.digest?.()];
  });
}

for (const [machineName, make, order] of KINDS) {
  describe(`${machineName}, fed anything`, () => {
    it('answers the same on every node', () => {
      fc.assert(
        fc.property(steps(order), (all) => {
          assert.deepEqual(feedAll(make(), all, 0, all.length), feedAll(make(), all, 0, all.length));
        }),
      );
    });

    it('goes on from a snapshot taken anywhere as if it had seen all of it, though commands went on meanwhile', async () => {
      await fc.assert(
        fc.asyncProperty(
          steps(order),
          fc.nat({ max: 60 }),
          fc.integer({ min: 1, max: 50 }),
          async (all, cut, pieceBytes) => {
            const at = Math.min(cut, all.length);
            const machine = make();
            feedAll(machine, all, 0, at);
            const digest = machine.digest?.();
            const held = hold(machine);
            const rest = feedAll(machine, all, at, all.length);
            const copy = make();
            // What was there before must be gone.
            feed(copy, { op: 'put', key: 'before', value: 1 });
            feed(copy, { op: 'acquire', name: 'before', owner: 'x', ttlMs: 1 });
            feed(copy, { op: 'add', name: 'before', add: 1 });
            await restore(copy, await held(), { pieceBytes });
            assert.equal(copy.digest?.(), digest);
            assert.deepEqual(feedAll(copy, all, at, all.length), rest);
            assert.deepEqual(
              (await hold(copy)()).toString().split('\n').toSorted(),
              (await hold(machine)()).toString().split('\n').toSorted(),
            );
          },
        ),
      );
    });
  });
}

describe('against simple models', () => {
  it('kv is a map whose entries end', () => {
    fc.assert(
      fc.property(steps(kvOrder), (all) => {
        const kv = new KvMachine();
        const model = new Map<string, { text: string; etag: string; endMs: number }>();
        let timeMs = 0;
        for (const [instance, { order, passMs }] of all.entries()) {
          timeMs += passMs;
          for (const [known, { endMs }] of model) if (endMs <= timeMs) model.delete(known);
          const {
            op,
            key: asked = '',
            ifMatch,
            ifNoneMatch,
            ttlMs: ttl = Infinity,
            value,
          } = order as {
            op: string;
            key?: string;
            ifMatch?: string;
            ifNoneMatch?: boolean;
            ttlMs?: number;
            value?: number;
          };
          const present = model.get(asked);
          const unmatched =
            ifMatch !== undefined && (present === undefined || (ifMatch !== '*' && ifMatch !== present.etag));
          let expected: string | null = null;
          if (op === 'nonsense') expected = 'command-rejected';
          else if (unmatched || (ifNoneMatch === true && present !== undefined)) expected = 'precondition-failed';
          else if (op === 'put') model.set(asked, { text: String(value), etag: `${instance}.0`, endMs: timeMs + ttl });
          else if (op === 'delete' && !model.delete(asked)) expected = 'key-not-found';
          assert.equal(codeOf(feed(kv, order, { instance, timeMs })), expected);
          const page = kv.query({ op: 'list', prefix: '', after: null, limit: 100 }) as KvPage;
          const sorted = [...model].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          assert.deepEqual(
            page.items.map(({ key: k, text, etag }) => [k, text, etag]),
            sorted.map(([k, { text, etag }]) => [k, text, etag]),
          );
          const ends = [...model.values()].map(({ endMs }) => endMs).filter(Number.isFinite);
          assert.equal(kv.dueAtMs, ends.length === 0 ? null : Math.min(...ends));
        }
      }),
    );
  });

  it('equal contents have equal digests, whatever the way there', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 4 }), (keys) => {
        const [kv, straight] = [new KvMachine(), new KvMachine()];
        const place = (k: string) => ({ instance: k.charCodeAt(0) });
        for (const k of keys) feed(kv, { op: 'put', key: `x${k}`, value: 1 });
        for (const k of keys) feed(kv, { op: 'put', key: k, value: k }, place(k));
        for (const k of keys) feed(kv, { op: 'delete', key: `x${k}` });
        for (const k of ['a', 'b', 'c', 'd']) feed(straight, { op: 'put', key: k, value: k }, place(k));
        assert.equal(kv.digest(), straight.digest());
        feed(kv, { op: 'put', key: 'a', value: 'z' }, place('a'));
        assert.notEqual(kv.digest(), straight.digest());
      }),
    );
  });

  it('of a lock, fences only rise, and each belongs to one acquisition', () => {
    fc.assert(
      fc.property(steps(lockOrder), (all) => {
        const lock = new LockMachine();
        const held = new Map<string, { owner: string; fence: number; endMs: number }>();
        let timeMs = 0;
        let last = 0;
        for (const { order, passMs } of all) {
          timeMs += passMs;
          for (const [known, { endMs }] of held) if (endMs <= timeMs) held.delete(known);
          const {
            op,
            name: asked = '',
            owner = '',
            ttlMs: ttl = 0,
            fence: named,
          } = order as { op: string; name?: string; owner?: string; ttlMs?: number; fence?: number };
          const present = held.get(asked);
          const answer = feed(lock, order, { timeMs });
          if (op === 'expire') assert.equal(codeOf(answer), null);
          else if (present === undefined && op === 'acquire') {
            const view = 'result' in answer ? (answer.result as LockView) : null;
            assert.ok(view !== null && view.fence > last);
            last = view.fence;
            held.set(asked, { owner, fence: view.fence, endMs: timeMs + ttl });
          } else if (present === undefined)
            assert.equal(codeOf(answer), op === 'renew' ? 'precondition-failed' : 'key-not-found');
          else if (op === 'acquire' || named !== present.fence) assert.equal(codeOf(answer), 'lock-held');
          else if (op === 'release') held.delete(asked);
          else held.set(asked, { ...present, endMs: timeMs + ttl });
          for (const one of ['l', 'm']) {
            const expected = held.get(one);
            assert.deepEqual(
              lock.query({ name: one }, { timeMs }),
              expected === undefined
                ? null
                : { owner: expected.owner, fence: expected.fence, expiresInMs: expected.endMs - timeMs },
            );
          }
        }
      }),
    );
  });
});
