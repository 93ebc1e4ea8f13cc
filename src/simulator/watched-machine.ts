// Somebody's own machine in a simulated node: it does what it does, and all it does is seen.
import type { Applied, ApplyContext, StateMachine } from '../machines/machine.js';

export type SeeApplied = (context: ApplyContext, answer: Applied, digest: number | null) => void;

/** Has exactly the abilities that `machine` has: the engine goes by what is there. */
export function watched(machine: StateMachine, applied: SeeApplied): StateMachine {
  return new Proxy(machine, {
    get(target, name) {
      const held: unknown = Reflect.get(target, name, target);
      if (typeof held !== 'function') return held;
      if (name !== 'apply') return held.bind(target);
      return (...call: Parameters<StateMachine['apply']>) => {
        const answer = target.apply(...call);
        applied(call[1], answer, target.digest?.() ?? null);
        return answer;
      };
    },
  });
}
