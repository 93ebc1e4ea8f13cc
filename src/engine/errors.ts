// The errors an engine call can end with. `code`, `status` and `outcome` are those of the HTTP answer; the edge adds
// nothing but the shape (problem+json). Broken invariants are not here: they stop the node (core/invariant.ts).

/** What an unsuccessful call did. none: not applied and never will be. */
export type Outcome = 'none' | 'unknown' | 'committed';

const CODES = {
  'invalid-request': [400, 'none', false],
  unauthenticated: [401, 'none', false],
  forbidden: [403, 'none', false],
  'not-found': [404, 'none', false],
  'group-not-found': [404, 'none', false],
  'member-not-found': [404, 'none', false],
  'instance-not-chosen': [404, 'none', true],
  'key-not-found': [404, 'none', false],
  'member-exists': [409, 'none', false],
  'no-change': [409, 'none', false],
  'would-lose-quorum': [409, 'none', false],
  'not-caught-up': [409, 'none', true],
  'lock-held': [409, 'none', true],
  'not-a-member': [409, 'none', false],
  'idempotency-in-progress': [409, 'unknown', true],
  'instance-trimmed': [410, 'none', false],
  'precondition-failed': [412, 'none', false],
  'value-too-large': [413, 'none', false],
  'unsupported-encoding': [415, 'none', false],
  'command-rejected': [422, 'none', false],
  'unknown-machine': [422, 'none', false],
  'idempotency-key-reused': [422, 'none', false],
  'quota-exceeded': [429, 'none', true],
  overloaded: [503, 'none', true],
  'no-quorum': [503, 'none', true],
  'catching-up': [503, 'none', true],
  draining: [503, 'none', true],
  'store-unavailable': [503, 'none', true],
  halted: [503, 'none', true],
  fenced: [503, 'none', true],
  'needs-readmission': [503, 'none', true],
  'proposal-timeout': [504, 'unknown', true],
  internal: [500, 'unknown', false],
} as const satisfies Record<string, readonly [number, Outcome, boolean]>;

export type ErrorCode = keyof typeof CODES;
export const ERROR_CODES = Object.keys(CODES) as readonly ErrorCode[];

export interface ErrorExtras {
  /** Overrides the code's usual outcome, where the call knows better. */
  readonly outcome?: Outcome;
  readonly retryAfterMs?: number;
  /** This is the first answer to an idempotency key, given again. */
  readonly replayed?: boolean;
  /** Further members of the problem document, e.g. `firstKept`. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class PaxmeshError extends Error {
  override readonly name = 'PaxmeshError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  /** Milliseconds after which a retry makes sense; null when the code does not suggest one. */
  readonly retryAfterMs: number | null;
  readonly replayed: boolean;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    const [status, outcome, retryable] = CODES[code];
    this.code = code;
    this.status = status;
    this.outcome = extras.outcome ?? outcome;
    this.retryable = retryable;
    this.retryAfterMs = extras.retryAfterMs ?? (status === 503 || status === 429 ? 1000 : null);
    this.replayed = extras.replayed ?? false;
    this.facts = extras.facts ?? {};
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code);
}

/** What a caller is told whose call the store has failed. */
export function storeUnavailable(error: unknown): PaxmeshError {
  return new PaxmeshError('store-unavailable', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/** The store cannot be used as it is: refuse to start, or stay unready. The message says what to change. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';
}

/** Another process has opened this store since: this one must stop at once. */
export class StoreFenced extends Error {
  override readonly name = 'StoreFenced';
}
