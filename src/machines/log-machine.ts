// The machine `log`: takes anything, keeps nothing, answers null. The log itself is the state.
import type { StateMachine } from './machine.js';

export const LOG = 'log';

export const logMachine: StateMachine = {
  name: LOG,
  apply: () => ({ result: null }),
  snapshot: () => [],
  restore: async () => () => {},
  digest: () => 0,
};
