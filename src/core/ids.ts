// The names things go by. Plain types, no behaviour.

/** A member's name. It survives a change of address; the URL lives in the membership. `[a-z0-9][a-z0-9-]{0,62}`. */
export type NodeId = string;

/** A group is one independent log. Same alphabet as a NodeId. */
export type GroupId = string;

/** Position in a group's log: 0, 1, 2 … A safe integer. */
export type InstanceId = number;

/** Milliseconds on the host's monotonic clock. Never wall-clock time. */
export type Millis = number;

/** The identity a store was given when it was first used. A wiped store comes back with another one. */
export type StoreId = string;
