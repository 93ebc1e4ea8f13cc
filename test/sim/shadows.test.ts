// Shadows where everything befalls checkpoints at once: short logs, failing and rotting blocks, crashes while one is written, and
// peers that install them. Whatever a shadow was not given rightly would show as same-state. Tried: repeats handed on, an
// instance missed, a shadow that begins empty after a start or stays where it was at an installation, and one that is blamed
// when another checkpoint comes in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Applied, Command, StateMachine } from '../../src/index.js';
import { drawPlan } from '../../src/simulator/draw-plan.js';
import { simulate } from '../../src/simulator/simulation.js';
import type { Workload } from '../../src/simulator/workload.js';

/** Of a snapshot: two blocks. */
const SNAPSHOT_BYTES = 300 * 1024;

/** What it comes to depends on each command and on their order. */
class Chain implements StateMachine {
  readonly name = 'chain';
  readonly #seen: (snapshotOf: 'machine' | 'shadow') => void;
  readonly #kind: 'machine' | 'shadow';
  #sum = 1;

  constructor(seen: (snapshotOf: 'machine' | 'shadow') => void, kind: 'machine' | 'shadow' = 'machine') {
    this.#seen = seen;
    this.#kind = kind;
  }

  apply({ bytes }: Command): Applied {
    this.#sum = (this.#sum * 31 + (bytes.at(-1) ?? 0)) % 1_000_003;
    return { result: this.#sum };
  }

  *snapshot(): Generator<Uint8Array> {
    this.#seen(this.#kind);
    yield Buffer.from(String(this.#sum).padEnd(SNAPSHOT_BYTES));
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    let text = '';
    for await (const part of parts) text += Buffer.from(part).toString();
    return () => {
      this.#sum = Number(text);
    };
  }

  digest(): number {
    return this.#sum;
  }

  shadow(): StateMachine {
    return new Chain(this.#seen, 'shadow');
  }
}

for (const [profile, seeds] of [
  ['short-log', 16],
  ['short-log-members', 8],
] as const) {
  test(`checkpoints from shadows stand what befalls checkpoints: ${profile}`, async () => {
    const snapshots = { machine: 0, shadow: 0 };
    const workload: Workload = {
      plan: (random) => ({ ...drawPlan(profile, random), userClients: 3, followers: 0 }),
      machine: () => new Chain((of) => snapshots[of]++),
      command: (random) => ({ encoding: 'base64', bytes: Buffer.of(Math.floor(random() * 256)) }),
    };
    let installs = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await simulate({ seed, profile, workload });
      assert.equal(report.failure, null, `seed ${seed}`);
      installs += report.installs;
    }
    assert.ok(installs > 0);
    // From the machine only where the checkpoint that the shadow was to begin with has rotted.
    assert.ok(snapshots.shadow > 50 * snapshots.machine && snapshots.shadow > 50, JSON.stringify(snapshots));
  });
}
