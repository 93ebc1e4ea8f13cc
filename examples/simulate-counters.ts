// Is a machine deterministic? The simulator runs it on the production engine through crashes, partitions, pauses, wrong clocks
// and installed checkpoints, in virtual time, and tells a seed that fails together with what led to it.
//   node dist/examples/simulate-counters.js
import type { Applied, Command, StateMachine } from 'paxmesh';
import { simulate } from 'paxmesh/simulator';

class Hits implements StateMachine {
  readonly name = 'hits';
  protected hits: Record<string, number> = {};

  apply({ bytes }: Command): Applied {
    const { page } = JSON.parse(Buffer.from(bytes).toString());
    this.hits[page] = (this.hits[page] ?? 0) + 1;
    return { result: this.hits[page] };
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.hits))];
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const read: Uint8Array[] = [];
    for await (const part of parts) read.push(part);
    const hits = JSON.parse(Buffer.concat(read).toString());
    return () => {
      this.hits = hits;
    };
  }
}

/** Wrong: what it answers depends on how often this process was asked, and no snapshot knows of that. */
class ForgetfulHits extends Hits {
  #calls = 0;

  override apply(command: Command): Applied {
    this.#calls += 1;
    return this.#calls % 10 === 0 ? { result: 'a tenth visitor!' } : super.apply(command);
  }
}

const command = (random: () => number) => ({ page: `/${Math.floor(random() * 5)}` });

const good = await simulate({ machine: () => new Hits(), command, seeds: 10 });
console.log(`Hits: ${good.failure === null ? 'nothing found' : good.failure.detail} in ${good.seeds} seeds`);

const bad = await simulate({ machine: () => new ForgetfulHits(), command, seeds: 100 });
console.log(`ForgetfulHits: seed ${bad.failure?.seed} breaks ${bad.failure?.invariant}: ${bad.failure?.detail}`);
for (const line of bad.failure?.story.slice(-5) ?? []) console.log(line);
