// A pump that has found an invariant broken does nothing more, also in the turn it found it in: where a node is part of
// somebody else's process, no exit ends that turn. Without either look at `#stopped` (in the turn, in a
// step) more is asked or stepped: tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effects } from '../../src/core/effects.js';
import { InvariantBroken } from '../../src/core/invariant.js';
import type { Input, Replica } from '../../src/core/replica.js';
import type { LogStore } from '../../src/engine/log-store.js';
import type { Clock, Transport } from '../../src/engine/ports.js';
import { Pump, type Pumped } from '../../src/engine/pump.js';

interface Seen {
  readonly stepped: string[];
  readonly shipped: string[];
  readonly told: unknown[];
}

/** `dispatch` runs in the midst of a turn. */
function groupOf(name: string, seen: Seen, dispatch: (group: Pumped) => void): Pumped {
  const replica = {
    open: 0,
    wakeAt: null,
    step: ({ type }: Input, _now: number, out: Effects): void => {
      seen.stepped.push(`${name} ${type}`);
      if (type === 'connected') throw new InvariantBroken('of-the-test', 'broken in the midst of a turn');
      out.now.push({ to: 'b', message: { type: 'ask', open: 0 } });
      out.writes.push({ type: 'promise', ballot: { round: 1, node: 'a' } });
    },
  } as unknown as Replica;
  const group: Pumped = {
    name,
    replica,
    othersWait: false,
    wakeAt: null,
    dispatch: () => {
      seen.stepped.push(`${name} asked`);
      dispatch(group);
      return { bytes: new Uint8Array(1) } as never;
    },
    chosen: () => {},
    settled: () => {},
    serve: () => {},
    diverged: () => {},
    heard: () => {},
    hostMessage: () => {},
    tick: () => {},
    durable: () => {},
  };
  return group;
}

function run(first: (pump: Pump, group: Pumped) => void): Seen {
  const seen: Seen = { stepped: [], shipped: [], told: [] };
  const turns: (() => void)[] = [];
  const clock = { now: () => 0, defer: (work: () => void) => turns.push(work) } as unknown as Clock;
  const transport = {
    send: (_to: string, group: string) => seen.shipped.push(group),
    flush: () => seen.shipped.push('flushed'),
  } as unknown as Transport;
  const store = { commit: () => new Promise(() => {}) } as unknown as LogStore;
  const fatal = (error: unknown): void => void seen.told.push(error);
  const pump = new Pump({ id: 'a', store: 's' }, store, transport, clock, { fatal, storeFailed: assert.ifError });
  pump.add(groupOf('one', seen, (group) => first(pump, group)));
  pump.add(groupOf('two', seen, () => {}));
  pump.resume();
  for (const turn of turns.splice(0)) turn();
  return seen;
}

test('in health, both groups are stepped and what they say leaves', () => {
  const { stepped, shipped, told } = run(() => {});
  assert.deepEqual(stepped, ['one asked', 'one propose', 'two asked', 'two propose']);
  assert.deepEqual(shipped, ['one', 'two', 'flushed']);
  assert.deepEqual(told, []);
});

test('after a broken invariant nobody is stepped and nothing leaves, not even in the same turn', () => {
  const { stepped, shipped, told } = run((pump, group) => pump.input(group, { type: 'connected', peer: 'b' }));
  assert.deepEqual(stepped, ['one asked', 'one connected']);
  assert.deepEqual(shipped, []);
  assert.equal(told.length, 1);
  assert.ok(told[0] instanceof InvariantBroken);
});
