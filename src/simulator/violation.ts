// An invariant that did not hold in a simulated run. The names are the ones people search for: agreement, stability, …

export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** Throws a Violation when the condition is false. `detail` is a function so that the good path builds no strings. */
export function demand(holds: boolean, name: string, detail: () => string): asserts holds {
  if (!holds) throw new Violation(name, detail());
}
