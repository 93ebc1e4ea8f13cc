// The checksum chain: each instance's checksum covers the previous one, the instance's number and the value. Two logs
// with equal checksums at an instance are equal up to there. The sum itself is the host's (zlib's CRC32 in production),
// because hardware does it forty times faster than this language; it must be a pure function.
import type { InstanceId } from './ids.js';
import type { Value } from './value.js';

/** The checksum before instance 0. */
export const CHAIN_START = 0;

export type Chain = (previous: number, instance: InstanceId, value: Value) => number;
