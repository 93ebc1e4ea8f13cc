// Where the rows of a node's store stand in Redis, and reading them. One system hash for all small rows; a hash for each
// 1024 instances of a group's log. All keys of a node share one hash tag, so one script may touch them all.
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import type { FoundRows } from './ledger.js';
import type { LogRow } from './load-group.js';
import type { RedisConnection } from './redis-connection.js';

export const SEGMENT_INSTANCES = 1024;
const ROWS_FIRST = 16;
const CHUNK_BYTES = 512 * 1024;
const SCAN_COUNT = '1000';

export const GROUP_FIELD = 'g:';
export const VARIABLE_FIELD = 'v:';

export interface SystemRows extends FoundRows {
  readonly identity: Buffer | null;
  /** Plain texts for the scripts to compare. */
  readonly epoch: string;
  readonly flush: string;
  /** The run id of the server at the last opening. */
  readonly server: string;
  /** Which process opened it last. */
  readonly opener: string;
  /** The segments that exist, ascending. */
  readonly segments: ReadonlyMap<GroupId, readonly number[]>;
}

export class RedisKeys {
  readonly system: string;
  readonly #log: string;

  constructor(node: NodeId) {
    this.system = `paxmesh:{${node}}:sys`;
    this.#log = `paxmesh:{${node}}:log:`;
  }

  segment(group: GroupId, segment: number): string {
    return `${this.#log}${group}:${segment}`;
  }

  async systemRows(connection: RedisConnection): Promise<SystemRows> {
    const plain = new Map<string, Buffer>();
    const groups = new Map<GroupId, Buffer>();
    const variables: { group: GroupId; name: string; row: Buffer }[] = [];
    const answer = await connection.binary('HGETALL', this.system);
    const entries = Array.isArray(answer) ? answer : [];
    for (let i = 0; i + 1 < entries.length; i += 2) {
      const [field, row] = [String(entries[i]), entries[i + 1]];
      if (!Buffer.isBuffer(row)) continue;
      if (field.startsWith(GROUP_FIELD)) groups.set(field.slice(GROUP_FIELD.length), Buffer.from(row));
      else if (field.startsWith(VARIABLE_FIELD)) {
        const colon = field.indexOf(':', VARIABLE_FIELD.length);
        const group = field.slice(VARIABLE_FIELD.length, colon);
        if (group !== '') variables.push({ group, name: field.slice(colon + 1), row: Buffer.from(row) });
      } else plain.set(field, Buffer.from(row));
    }
    const segments = await this.#segments(connection);
    const text = (field: string): string => plain.get(field)?.toString() ?? '';
    return {
      groups,
      variables,
      segments,
      logs: new Set(segments.keys()),
      head: plain.get('head') ?? null,
      identity: plain.get('identity') ?? null,
      epoch: text('epoch'),
      flush: text('flush'),
      server: text('server'),
      opener: text('opener'),
    };
  }

  /** The log rows from `from` to `last`, in chunks of bounded size; instances without a row are left out. */
  async *log(
    connection: RedisConnection,
    group: GroupId,
    from: InstanceId,
    last: InstanceId,
  ): AsyncGenerator<readonly LogRow[]> {
    let count = ROWS_FIRST;
    for (let next = from; next <= last; ) {
      const segment = Math.floor(next / SEGMENT_INSTANCES);
      const end = Math.min(last, (segment + 1) * SEGMENT_INSTANCES - 1, next + count - 1);
      const fields: string[] = [];
      for (let instance = next; instance <= end; instance++) fields.push(fieldOf(instance));
      const answer = await connection.binary('HMGET', this.segment(group, segment), ...fields);
      const rows: LogRow[] = [];
      let bytes = 0;
      for (const [index, row] of (Array.isArray(answer) ? answer : []).entries()) {
        if (!Buffer.isBuffer(row)) continue;
        rows.push([next + index, row]);
        bytes += row.length;
      }
      next = end + 1;
      if (bytes > CHUNK_BYTES) count = Math.max(1, Math.floor(count / 4));
      else if (bytes < CHUNK_BYTES / 4) count = Math.min(SEGMENT_INSTANCES, count * 2);
      yield rows;
    }
  }

  /** All that the given segments hold. */
  async *segmentsLog(
    connection: RedisConnection,
    group: GroupId,
    segments: readonly number[],
  ): AsyncGenerator<readonly LogRow[]> {
    for (const segment of segments) {
      const first = segment * SEGMENT_INSTANCES;
      yield* this.log(connection, group, first, first + SEGMENT_INSTANCES - 1);
    }
  }

  /** What holds the instances from `first` up to `end`: whole segments, and fields of the one that is cut. */
  between(group: GroupId, first: InstanceId, end: InstanceId): { whole: string[]; cut: string; part: string[] } {
    const cut = Math.floor(end / SEGMENT_INSTANCES);
    const whole: string[] = [];
    for (let segment = Math.floor(first / SEGMENT_INSTANCES); segment < cut; segment++) {
      whole.push(this.segment(group, segment));
    }
    const part: string[] = [];
    for (let instance = Math.max(first, cut * SEGMENT_INSTANCES); instance < end; instance++)
      part.push(fieldOf(instance));
    return { whole, cut: this.segment(group, cut), part };
  }

  async #segments(connection: RedisConnection): Promise<Map<GroupId, number[]>> {
    const segments = new Map<GroupId, number[]>();
    let cursor = '0';
    do {
      const answer = await connection.text('SCAN', cursor, 'MATCH', `${this.#log}*`, 'COUNT', SCAN_COUNT);
      if (!Array.isArray(answer) || !Array.isArray(answer[1])) break;
      cursor = String(answer[0]);
      for (const key of answer[1].map(String)) {
        const colon = key.lastIndexOf(':');
        const segment = Number(key.slice(colon + 1));
        const group = key.slice(this.#log.length, colon);
        if (group === '' || !Number.isSafeInteger(segment)) continue;
        const known = segments.get(group);
        if (known === undefined) segments.set(group, [segment]);
        else if (!known.includes(segment)) known.push(segment);
      }
    } while (cursor !== '0');
    for (const known of segments.values()) known.sort((a, b) => a - b);
    return segments;
  }
}

export function fieldOf(instance: InstanceId): string {
  return String(instance % SEGMENT_INSTANCES);
}
