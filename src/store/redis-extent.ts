// Which keys beside the system hash hold something of a node's store: the segments of the logs and the checkpoints. Found
// by one scan at the opening and kept up from what this process writes; nobody else may write. It may name a key that is
// not there (a flush of which nobody knows whether it landed), never leave one out.
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import type { RedisConnection } from './redis-connection.js';

export const SEGMENT_INSTANCES = 1024;
const SCAN_COUNT = '1000';

/** Keys and fields that hold what lies below an instance: whole segments, and fields of the one that is cut. */
export interface Below {
  readonly whole: readonly number[];
  readonly cut: number;
  readonly part: readonly string[];
}

export class RedisExtent {
  readonly #segments = new Map<GroupId, Set<number>>();
  readonly #checkpoints = new Map<GroupId, Set<string>>();

  /** All that the keys of a node say. */
  static async of(connection: RedisConnection, node: NodeId): Promise<RedisExtent> {
    const extent = new RedisExtent();
    const prefix = `paxmesh:{${node}}:`;
    let cursor = '0';
    do {
      const answer = await connection.text('SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', SCAN_COUNT);
      if (!Array.isArray(answer) || !Array.isArray(answer[1])) break;
      cursor = String(answer[0]);
      for (const key of answer[1]) extent.#enter(String(key).slice(prefix.length));
    } while (cursor !== '0');
    return extent;
  }

  /** Groups that have log rows. */
  get logs(): ReadonlySet<GroupId> {
    return new Set(this.#segments.keys());
  }

  /** Ascending. */
  segments(group: GroupId): number[] {
    return [...(this.#segments.get(group) ?? [])].sort((a, b) => a - b);
  }

  checkpoints(group: GroupId): string[] {
    return [...(this.#checkpoints.get(group) ?? [])];
  }

  addSegment(group: GroupId, segment: number): void {
    addTo(this.#segments, group, segment);
  }

  addCheckpoint(group: GroupId, name: string): void {
    addTo(this.#checkpoints, group, name);
  }

  removeSegments(group: GroupId, segments: readonly number[]): void {
    for (const segment of segments) this.#segments.get(group)?.delete(segment);
  }

  removeCheckpoint(group: GroupId, name: string): void {
    this.#checkpoints.get(group)?.delete(name);
  }

  below(group: GroupId, end: InstanceId): Below {
    const cut = Math.floor(end / SEGMENT_INSTANCES);
    const segments = this.segments(group);
    const inCut = segments.includes(cut) ? end % SEGMENT_INSTANCES : 0;
    return {
      whole: segments.filter((segment) => segment < cut),
      cut,
      part: Array.from({ length: inCut }, (_, field) => String(field)),
    };
  }

  #enter(key: string): void {
    const [kind, end] = [key.slice(0, key.indexOf(':')), key.lastIndexOf(':')];
    const group = key.slice(kind.length + 1, end);
    const last = key.slice(end + 1);
    if (group === '') return;
    if (kind === 'checkpoint') this.addCheckpoint(group, last);
    else if (kind === 'log' && Number.isSafeInteger(Number(last))) this.addSegment(group, Number(last));
  }
}

function addTo<T>(sets: Map<GroupId, Set<T>>, group: GroupId, item: T): void {
  const set = sets.get(group);
  if (set === undefined) sets.set(group, new Set([item]));
  else set.add(item);
}
