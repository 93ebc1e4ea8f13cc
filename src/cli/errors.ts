// How a command ends when it does not work.

/** The words on the command line are off: exit status 2, with the usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The node refused, or could not be reached: exit status 1. `json`: the problem document, for --json. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly json: string | null;

  constructor(message: string, json: string | null = null) {
    super(message);
    this.json = json;
  }
}
