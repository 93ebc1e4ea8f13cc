// Machines for the tests of the faults: one that counts and writes down what it did, and how a call to it is made.
import type { NewCommand } from '../../src/engine/face.js';
import type { StateMachine } from '../../src/machines/machine.js';

export interface Counter extends StateMachine {
  /** What was executed, in order. */
  readonly done: string[];
  /** While set, a command with this text throws. */
  fault: string | null;
}

/** Answers how many commands it has executed. Refuses the word "no". Asked anything, it tells what it has done. */
export function counter(): Counter {
  const done: string[] = [];
  return {
    name: 'tally',
    done,
    fault: null,
    apply({ bytes }) {
      const text = Buffer.from(bytes).toString();
      if (text === 'no') return { rejected: 'it is not in the mood' };
      if (text === this.fault) throw new Error('the counter is stuck');
      done.push(text);
      return { result: done.length };
    },
    query: () => [...done],
  };
}

export const count = (text: string): NewCommand => ({
  machine: 'tally',
  encoding: 'utf8',
  bytes: Buffer.from(text),
});
