// Where the rows of a node's store stand in Redis, and reading them. One system hash for all small rows; a hash for each
// 1024 instances of a group's log; a hash for each checkpoint. All keys of a node share one hash tag, so one script may touch them all.
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import type { FoundRows } from './ledger.js';
import type { LogRow, NamedRow } from './load-group.js';
import type { RedisConnection } from './redis-connection.js';
import { SEGMENT_INSTANCES } from './redis-extent.js';

const ROWS_FIRST = 16;
const CHUNK_BYTES = 512 * 1024;

export const GROUP_FIELD = 'g:';
export const VARIABLE_FIELD = 'v:';

export interface SystemRows extends Omit<FoundRows, 'logs'> {
  readonly identity: Buffer | null;
  /** Plain texts for the scripts to compare. */
  readonly epoch: string;
  readonly flush: string;
  /** The run id of the server at the last opening. */
  readonly server: string;
  /** Which process opened it last. */
  readonly opener: string;
}

export class RedisKeys {
  readonly system: string;
  readonly #log: string;
  readonly #checkpoint: string;

  constructor(node: NodeId) {
    this.system = `paxmesh:{${node}}:sys`;
    this.#log = `paxmesh:{${node}}:log:`;
    this.#checkpoint = `paxmesh:{${node}}:checkpoint:`;
  }

  segment(group: GroupId, segment: number): string {
    return `${this.#log}${group}:${segment}`;
  }

  checkpoint(group: GroupId, name: string): string {
    return `${this.#checkpoint}${group}:${name}`;
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
    const text = (field: string): string => plain.get(field)?.toString() ?? '';
    return {
      groups,
      variables,
      head: plain.get('head') ?? null,
      identity: plain.get('identity') ?? null,
      epoch: text('epoch'),
      flush: text('flush'),
      server: text('server'),
      opener: text('opener'),
    };
  }

  async variableRows(connection: RedisConnection, group: GroupId): Promise<readonly NamedRow[]> {
    const { variables } = await this.systemRows(connection);
    return variables.filter((row) => row.group === group).map(({ name, row }) => [name, row] as const);
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
        // A copy: the reply is a view of the connection's read buffer.
        rows.push([next + index, Buffer.from(row)]);
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
}

export function fieldOf(instance: InstanceId): string {
  return String(instance % SEGMENT_INSTANCES);
}
