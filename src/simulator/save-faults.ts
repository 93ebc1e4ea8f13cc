// What may go wrong around a commit of a simulated node, or a block of its checkpoints: it takes its time, fails with nothing or with everything written,
// or the process dies in the middle.
import type { Random } from '../core/random.js';
import type { MemoryFaults } from '../store/memory-store.js';
import type { Plan } from './plan.js';
import type { Life, SimNode } from './sim-node.js';
import type { VirtualTime } from './virtual-time.js';

export function saveFaults(
  node: SimNode,
  lifeOf: () => Life,
  plan: Plan,
  random: Random,
  time: VirtualTime,
): MemoryFaults {
  const strikes = (chance: number): boolean => chance > 0 && !node.calm && random.next() < chance;
  const wait = (ms: number): Promise<void> => new Promise((resolve) => lifeOf().clock.schedule(ms, resolve));
  const maybeCrash = async (chance: number): Promise<void> => {
    if (!strikes(chance)) return;
    node.dies(lifeOf());
    time.after(random.between(5, 600), () => node.start());
    await new Promise<never>(() => undefined);
  };
  return {
    beforeDurable: async () => {
      const life = lifeOf();
      if (node.elders.has(life)) life.wantedToSaveAt ??= time.now;
      await wait(plan.saveMs * random.between(0.5, 1.5) * node.disk.slowness);
      await maybeCrash(plan.crashBeforeSave);
      if (strikes(plan.saveFailsBefore)) throw new Error('simulated: nothing was written');
    },
    afterDurable: async () => {
      await maybeCrash(plan.crashAfterSave);
      if (random.next() < 0.3) await wait(plan.saveMs * random.next() * node.disk.slowness);
      if (strikes(plan.saveFailsAfter)) throw new Error('simulated: everything was written');
    },
    beforeBlocks: async () => {
      await wait(plan.saveMs * random.next() * node.disk.slowness);
      await maybeCrash(plan.crashAtBlock);
      if (strikes(plan.blockFails)) throw new Error('simulated: the block was not written');
    },
    keepsUnsynced: () => random.below(2) === 0,
  };
}
