// Broken invariants throw and stop the node; operating conditions are values. Nothing in between.

/** A rule of the protocol does not hold. Never caught to go on: the node stops with status 70. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** Throws InvariantBroken when the condition is false. `detail` is a function so that the good path builds no strings. */
export function invariant(holds: boolean, name: string, detail: () => string): asserts holds {
  if (!holds) throw new InvariantBroken(name, detail());
}
