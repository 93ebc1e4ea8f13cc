// The chain's sum in production: CRC32 over the previous sum, the instance's number, the value's id and its bytes.
import { crc32 } from 'node:zlib';
import type { Chain } from '../../core/chain.js';

const head = Buffer.alloc(8);

export const chainOf: Chain = (previous, instance, value) => {
  head.writeUInt32BE(Math.floor(instance / 2 ** 32), 0);
  head.writeUInt32BE(instance % 2 ** 32, 4);
  return crc32(value.bytes, crc32(value.id, crc32(head, previous)));
};
