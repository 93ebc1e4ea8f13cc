// What happened, twice over: always as a running sum, by which two runs of one seed are compared; as readable lines only
// when asked, because a failing seed can simply be run again.

const PRIME = 0x01000193;

export class RunTrace {
  readonly lines: string[] = [];
  readonly #linesMax: number;
  #sum = 0x811c9dc5;

  /** `linesMax` 0: no lines are made. The newest are kept. */
  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  get sum(): number {
    return this.#sum >>> 0;
  }

  add(number: number): void {
    // Times are fractions of a millisecond; both halves of their microseconds count.
    const micros = Math.round(number * 1000);
    this.#sum = Math.imul(this.#sum ^ (micros | 0), PRIME);
    this.#sum = Math.imul(this.#sum ^ ((micros / 4294967296) | 0), PRIME);
  }

  addText(text: string): void {
    for (let place = 0; place < text.length; place++) this.#sum = Math.imul(this.#sum ^ text.charCodeAt(place), PRIME);
  }

  get wantsLines(): boolean {
    return this.#linesMax > 0;
  }

  line(now: number, who: string, what: string): void {
    if (this.#linesMax === 0) return;
    this.lines.push(`${now.toFixed(3).padStart(11)}  ${who.padEnd(4)} ${what}`);
    if (this.lines.length > 2 * this.#linesMax) this.lines.splice(0, this.lines.length - this.#linesMax);
  }
}
