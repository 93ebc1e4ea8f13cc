// `paxmesh/simulator` as its users call it: it passes a machine that is deterministic, and tells the seed and the story of one
// that is not, in each of the ways a machine can be wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from 'paxmesh/simulator';
import type { Applied, Command, StateMachine } from '../../src/index.js';

class Sums implements StateMachine {
  readonly name = 'sums';
  sum = 0;

  apply({ bytes }: Command): Applied {
    const { add } = JSON.parse(Buffer.from(bytes).toString());
    if (add === 0) return { rejected: 'nothing to add' };
    this.sum += add;
    return { result: this.sum };
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.sum))];
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const read: Uint8Array[] = [];
    for await (const part of parts) read.push(part);
    const sum = this.read(Buffer.concat(read).toString());
    return () => {
      this.sum = sum;
    };
  }

  read(text: string): number {
    return JSON.parse(text);
  }

  digest(): number {
    return this.sum;
  }
}

const command = (random: () => number) => ({ add: Math.floor(random() * 5) });

test('a deterministic machine passes, with checkpoints installed on the way, and the same seeds give the same runs', async () => {
  const run = () => simulate({ machine: () => new Sums(), command, seeds: 8 });
  const report = await run();
  assert.equal(report.failure, null);
  assert.ok(report.acknowledged > 50, `${report.acknowledged} commands`);
  assert.ok(report.installs > 0);
  assert.deepEqual(await run(), report);
});

test('an answer that depends on chance is told with its seed and its story', async () => {
  class Chancy extends Sums {
    override apply(command: Command): Applied {
      const answer = super.apply(command);
      return Math.random() < 0.2 ? { result: Math.random() } : answer;
    }
  }
  const { failure } = await simulate({ machine: () => new Chancy(), command, seeds: 8 });
  assert.equal(failure?.invariant, 'same-state');
  assert.match(failure.detail, /^the command at \d+\.\d+ ends in .* on n\d, and ended in .* on n\d$/);
  assert.ok(failure.story.length > 5);
});

test('a snapshot that loses something is found by its effects, and only where checkpoints are installed or read', async () => {
  class Forgetful extends Sums {
    override read(text: string): number {
      return Math.floor(super.read(text) / 10) * 10;
    }
  }
  const { failure } = await simulate({ machine: () => new Forgetful(), command, seeds: 20 });
  assert.equal(failure?.invariant, 'same-state');
  const again = await simulate({ machine: () => new Forgetful(), command, seeds: 1, firstSeed: failure.seed });
  assert.deepEqual(again.failure, failure);
  const without = { machine: () => new Forgetful(), command, seeds: 8, faults: { installs: false } };
  assert.equal((await simulate(without)).failure, null);
});

test('a machine that throws is told as such', async () => {
  class Thrower extends Sums {
    override apply(command: Command): Applied {
      if (this.sum > 20) throw new Error('more than I can bear');
      return super.apply(command);
    }
  }
  const { failure } = await simulate({ machine: () => new Thrower(), command, seeds: 8 });
  assert.match(failure?.detail ?? '', /halted.*more than I can bear/);
});

/** Counts how often a machine was asked for a snapshot, and how often a shadow. */
class Shadowed extends Sums {
  static asked = { machines: 0, shadows: 0 };
  readonly kind: 'machines' | 'shadows';

  constructor(kind: 'machines' | 'shadows' = 'machines') {
    super();
    this.kind = kind;
  }

  override snapshot(): Iterable<Uint8Array> {
    Shadowed.asked[this.kind]++;
    return super.snapshot();
  }

  shadow(): StateMachine {
    return new Shadowed('shadows');
  }
}

// Tried, in the engine: a shadow that is given repeats, one that misses an instance, one that an installation leaves where it
// was, and one that begins empty after a start are all found here.
test('a machine with a shadow passes, and is never asked for a snapshot itself', async () => {
  Shadowed.asked = { machines: 0, shadows: 0 };
  const report = await simulate({ machine: () => new Shadowed(), command, seeds: 12 });
  assert.equal(report.failure, null);
  assert.ok(report.installs > 0);
  assert.equal(Shadowed.asked.machines, 0);
  assert.ok(Shadowed.asked.shadows > 20, `${Shadowed.asked.shadows} snapshots`);
});

test('a shadow that goes its own way is told as such, though the nodes do without it', async () => {
  class Deaf extends Shadowed {
    override apply(command: Command): Applied {
      return this.kind === 'shadows' && this.sum > 10 ? { result: this.sum } : super.apply(command);
    }

    override shadow(): StateMachine {
      return new Deaf('shadows');
    }
  }
  const { failure } = await simulate({ machine: () => new Deaf(), command, seeds: 8 });
  assert.equal(failure?.invariant, 'same-state');
  assert.match(failure.detail, /shadow-lost.*the shadow of sums/);
});
