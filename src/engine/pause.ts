// A wait on the clock that a node lives by.
import type { Millis } from '../core/ids.js';
import type { Clock } from './ports.js';

export function pause(clock: Clock, ms: Millis): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
