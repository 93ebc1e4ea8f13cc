// Every time and size of the mesh, in one place.

/** Links are looked at this often. A look that comes much later says that this process stood still, not the peers. */
export const LOOK_MS = 125;
/** A link is pinged this often, and dead when nothing at all came over it for so long. */
export const HEARTBEAT_MS = 250;
export const SILENCE_MS_MAX = 750;

/** From the first byte of a connection to the end of its handshake. */
export const HANDSHAKE_MS_MAX = 3000;
/** A handshake message is small: ids, nonces and one line per group. */
export const HANDSHAKE_BYTES_MAX = 256 * 1024;
/** Connections that may be shaking hands at once; strangers beyond it are turned away. */
export const HANDSHAKES_MAX = 128;
/** Links with peers that nobody told us of. */
export const STRANGERS_MAX = 64;

/** A failed dial is repeated after the first, doubling up to the maximum, less up to half of it by chance. */
export const REDIAL_MS = 50;
export const REDIAL_MS_MAX = 2000;
/** A link that lived for so long has proved itself: the next dial starts from the first delay again. */
export const PROVEN_MS = 2000;
/** The larger id leaves dialling to the smaller, but not for ever; at first, when both may just have started, briefly. */
export const PATIENCE_MS = 2000;
export const FIRST_PATIENCE_MS = 300;

/** Messages are gathered into frames of about this size; only a message that is larger by itself goes in a larger one. */
export const FRAME_BYTES = 256 * 1024;
/** The largest frame: the largest command, and room for the rest of its batch or teach message and for names and keys. */
export const FRAME_EXTRA_BYTES = 8 * 1024 * 1024;
/** What may wait for a slow peer, at least; twice the largest frame where that is more. */
export const BUFFER_BYTES = 32 * 1024 * 1024;

/** How long a closing connection may take to say goodbye. */
export const GOODBYE_MS = 500;

/** The same complaint is logged this often at the most. */
export const COMPLAIN_EVERY_MS = 10_000;

/** Close codes. 1001 is the standard's: going away. */
export const CLOSE_AWAY = 1001;
export const CLOSE_CROWDED = 1013;
export const CLOSE_BAD_FRAME = 4400;
export const CLOSE_REFUSED = 4401;
export const CLOSE_DEAD = 4408;
/** Another link to the same peer stays, or took over. */
export const CLOSE_SUPERSEDED = 4409;
