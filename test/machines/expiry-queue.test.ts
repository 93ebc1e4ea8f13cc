import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExpiryQueue } from '../../src/machines/expiry-queue.js';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
const step = fc.oneof(
  fc.record({ name, atMs: fc.option(fc.nat({ max: 20 })) }),
  fc.record({ timeMs: fc.nat({ max: 20 }) }),
);

test('the queue agrees with a plain map, and holds each name once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new ExpiryQueue();
      const model = new Map<string, number>();
      for (const each of steps) {
        if ('timeMs' in each) {
          const ended = [...model].filter(([, atMs]) => atMs <= each.timeMs).map(([ending]) => ending);
          const taken: string[] = [];
          for (let one = queue.takeEnded(each.timeMs); one !== null; one = queue.takeEnded(each.timeMs))
            taken.push(one);
          assert.deepEqual(taken.toSorted(), ended.toSorted());
          for (const ending of ended) model.delete(ending);
        } else {
          queue.set(each.name, each.atMs);
          if (each.atMs === null) model.delete(each.name);
          else model.set(each.name, each.atMs);
        }
        assert.equal(queue.size, model.size);
        assert.equal(queue.soonestMs, model.size === 0 ? null : Math.min(...model.values()));
      }
    }),
  );
});
