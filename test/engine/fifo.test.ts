import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fifo } from '../../src/engine/proposals/fifo.js';

test('the queue behaves like an array that is pushed, shifted and unshifted', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('push' as const), item: fc.nat() }),
    fc.record({ type: fc.constant('shift' as const) }),
    fc.record({ type: fc.constant('prune' as const), odd: fc.boolean() }),
    fc.record({ type: fc.constant('putBack' as const), items: fc.array(fc.nat(), { maxLength: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const one of steps) {
        if (one.type === 'push') {
          fifo.push(one.item);
          model.push(one.item);
        } else if (one.type === 'putBack') {
          fifo.putBack(one.items);
          model.unshift(...one.items);
        } else if (one.type === 'prune') {
          const keep = (item: number) => (item % 2 === 1) === one.odd;
          fifo.prune(keep);
          model.splice(0, model.length, ...model.filter(keep));
        } else assert.equal(fifo.shift(), model.shift());
        assert.equal(fifo.length, model.length);
      }
    }),
  );
});
