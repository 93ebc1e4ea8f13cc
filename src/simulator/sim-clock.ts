// A process' clock: monotonic, from a start of its own, at a speed that may be wrong and may change. Its timers and turns
// are events of the run, and none of them fires once the process is dead; while it is paused they wait.

import type { Millis } from '../core/ids.js';
import type { Random } from '../core/random.js';
import type { Clock, Timer } from '../engine/ports.js';
import type { VirtualTime } from './virtual-time.js';

/** Longest wait for the end of the event loop's turn. */
const TURN_MS = 0.02;

export interface Process {
  readonly alive: boolean;
  /** True time until which the process is stopped. */
  readonly pausedUntil: number;
}

export class SimClock implements Clock {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #process: Process;
  #trueBase: number;
  #localBase: Millis;
  #speed: number;

  constructor(time: VirtualTime, random: Random, process: Process, speed: number) {
    this.#time = time;
    this.#random = random;
    this.#process = process;
    this.#trueBase = time.now;
    // Every process counts from another zero, so a stamp of another process can only be right by accident.
    this.#localBase = random.between(0, 20_000);
    this.#speed = speed;
  }

  now(): Millis {
    return this.#localBase + (this.#time.now - this.#trueBase) * this.#speed;
  }

  set speed(speed: number) {
    this.#localBase = this.now();
    this.#trueBase = this.#time.now;
    this.#speed = speed;
  }

  /** Wall clocks jump; nothing may depend on them. */
  wallMs(): number {
    return this.#random.between(0, 2 ** 40);
  }

  defer(work: () => void): void {
    this.schedule(this.#random.next() * TURN_MS, work);
  }

  after(ms: Millis, work: () => void): Timer {
    let live = true;
    // Whole milliseconds, rounded up, as timers of a real process: never early, never twice at one instant.
    this.schedule(Math.max(1, Math.ceil(ms)) / this.#speed, () => {
      if (live) work();
    });
    return {
      cancel: () => {
        live = false;
      },
    };
  }

  random(): number {
    return this.#random.next();
  }

  /** In true milliseconds. What falls into a pause happens at its end, in order. */
  schedule(ms: number, work: () => void): void {
    this.#fire(this.#time.now + ms, work);
  }

  #fire(at: number, work: () => void): void {
    this.#time.at(at, () => {
      if (!this.#process.alive) return;
      if (this.#process.pausedUntil > this.#time.now) this.#fire(this.#process.pausedUntil, work);
      else {
        this.#time.actor = this.#process;
        work();
      }
    });
  }
}
