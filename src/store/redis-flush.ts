// The rows of one flush, gathered into the keys and arguments of commit.lua (its header is the interface).
import type { GroupId } from '../core/ids.js';
import type { RowSink } from './ledger.js';
import type { RedisArgument } from './redis-connection.js';
import type { RedisExtent } from './redis-extent.js';
import { SEGMENT_INSTANCES } from './redis-extent.js';
import type { RedisKeys } from './redis-rows.js';
import { fieldOf, GROUP_FIELD, VARIABLE_FIELD } from './redis-rows.js';

export class RedisFlush {
  readonly systemArgs: RedisArgument[] = [];
  readonly #segments = new Map<string, RedisArgument[]>();
  readonly #keys: RedisKeys;
  readonly #extent: RedisExtent;
  /** The segment written to last; a flush mostly stays in one. */
  #group: GroupId | null = null;
  #segment = -1;
  #args: RedisArgument[] = [];

  /** The extent learns of the segments before anything is sent. */
  constructor(keys: RedisKeys, extent: RedisExtent) {
    this.#keys = keys;
    this.#extent = extent;
  }

  readonly sink: RowSink = {
    record: (group, instance, _place, row) => {
      const segment = Math.floor(instance / SEGMENT_INSTANCES);
      if (group !== this.#group || segment !== this.#segment) this.#turnTo(group, segment);
      this.#args.push(fieldOf(instance), row);
    },
    variable: (group, name, _place, row) => this.system(`${VARIABLE_FIELD}${group}:${name}`, row),
    group: (group, _place, row) => this.system(GROUP_FIELD + group, row),
    head: (_place, row) => this.system('head', row),
  };

  system(field: string, row: RedisArgument): void {
    this.systemArgs.push(field, row);
  }

  get keys(): string[] {
    return [this.#keys.system, ...this.#segments.keys()];
  }

  args(epoch: number, flushBefore: number, flush: number): RedisArgument[] {
    const args: RedisArgument[] = [String(epoch), String(flushBefore), String(flush)];
    for (const rows of [this.systemArgs, ...this.#segments.values()]) {
      args.push(String(rows.length));
      for (const row of rows) args.push(row);
    }
    return args;
  }

  #turnTo(group: GroupId, segment: number): void {
    this.#extent.addSegment(group, segment);
    const key = this.#keys.segment(group, segment);
    this.#group = group;
    this.#segment = segment;
    this.#args = this.#segments.get(key) ?? [];
    this.#segments.set(key, this.#args);
  }
}
