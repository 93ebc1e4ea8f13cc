// The Clock of a real process.
import { performance } from 'node:perf_hooks';
import type { Clock } from './ports.js';

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  defer: (work) => {
    setImmediate(work);
  },
  after: (ms, work) => {
    const timer = setTimeout(work, Math.max(0, Math.ceil(ms)));
    return { cancel: () => clearTimeout(timer) };
  },
  random: () => Math.random(),
};
