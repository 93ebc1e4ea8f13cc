// The clock of a production node on virtual time, as coarse as real timers are, and right unless it is given a speed. A
// process that stood still finds it ahead, and its timers late.
import type { Random } from '../../src/core/random.js';
import type { Clock, Timer } from '../../src/engine/ports.js';
import type { VirtualTime } from '../../src/simulator/virtual-time.js';

export class VirtualClock implements Clock {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #speed: number;
  #aheadMs = 0;

  constructor(time: VirtualTime, random: Random, speed = 1) {
    this.#time = time;
    this.#random = random;
    this.#speed = speed;
  }

  now(): number {
    return this.#time.now * this.#speed + this.#aheadMs;
  }

  /** The process has stood still for so long, and nothing of it has run since. */
  stoodStill(ms: number): void {
    this.#aheadMs += ms;
  }

  wallMs(): number {
    return this.#time.now;
  }

  defer(work: () => void): void {
    this.#time.after(0, work);
  }

  after(ms: number, work: () => void): Timer {
    const event = this.#time.after(Math.max(1, Math.ceil(ms)) / this.#speed, work);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  random(): number {
    return this.#random.next();
  }
}
