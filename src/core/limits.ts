// A limit on everything the core keeps or believes. Times in milliseconds.

/** A claim this far beyond what a node holds is absurd and moves nothing. */
export const INSTANCE_JUMP_MAX = 2 ** 32;
/** The same for ballots: 2^32 rounds are more than a century of failed prepares, one every 30 ms … and then some. */
export const ROUND_JUMP_MAX = 2 ** 32;

/** Most entries in one teach message, and most bytes of values in it (a single larger value still goes alone). */
export const TEACH_ENTRIES_MAX = 1000;
export const TEACH_BYTES_MAX = 1024 * 1024;

/** Resend an unanswered prepare or accept: first after this, doubling up to the maximum. */
export const RESEND_MS = 150;
export const RESEND_MS_MAX = 2000;

/** Back-off after a ballot that was refused: uniform in [min, max], max doubled for each one in a row, up to the limit. */
export const BACKOFF_MS_MIN = 10;
export const BACKOFF_MS_MAX = 40;
export const BACKOFF_MS_LIMIT = 1280;

/** How long an ask may stay unanswered before another peer is asked. */
export const ASK_MS = 300;
/** How long a replica believes it lags without being taught anything. */
export const LAG_BELIEF_MS = 2000;
/** A vote nobody closes is asked about after this (plus as much again at random), then finished by a prepare. */
export const UNCLOSED_MS = 250;
/** After a start: a vote found on disk is finished after this (plus as much again at random), if nobody tells its end. */
export const RECOVER_MS = 50;
/** A node without a vote that has learned nothing for this long asks someone. */
export const IDLE_ASK_MS = 1000;
