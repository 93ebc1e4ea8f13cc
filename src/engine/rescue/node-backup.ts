// Backup and restore of a whole node. Out: all groups as of one moment, at which each held everything that was acknowledged
// anywhere before the call. In: every group's part is handed round first and the stream read to its last mark; only then
// the groups switch, one after the other. What is wrong with a stream is found before anything has changed. Until the switch
// every node holds all of it in memory, so one that is longer than a node's state can be is not taken in.
import type { GroupId, InstanceId, NodeId } from '../../core/ids.js';
import { ARCHIVE_FORMAT, type ArchiveHeader, readArchive, writeArchive } from '../../machines/node-archive.js';
import { SnapshotDamaged } from '../../machines/sections.js';
import { PaxmeshError } from '../errors.js';
import type { GroupFace } from '../face.js';
import type { RestoredGroup } from '../views.js';
import type { GroupRestore } from './backup-desk.js';

export interface NodeBackupOptions {
  readonly id: NodeId;
  readonly version: string;
  readonly groups: () => readonly GroupFace[];
  readonly wallMs: () => number;
  /** The longest stream that is taken in. */
  readonly restoreBytesMax: number;
}

interface Restoring {
  readonly group: GroupFace;
  readonly restore: GroupRestore;
}

export class NodeBackup {
  readonly #options: NodeBackupOptions;

  constructor(options: NodeBackupOptions) {
    this.#options = options;
  }

  /** Resolves when the state is taken hold of. A failure after that ends the stream with an error, never with its mark. */
  async backup(): Promise<AsyncIterable<Uint8Array>> {
    const { id, version, groups, wallMs } = this.#options;
    // A node that lags must not hand out the past.
    await Promise.all(groups().map((group) => group.barrier()));
    const backups = groups().map((group) => ({ group: group.name, ...group.backup() }));
    const header: ArchiveHeader = {
      format: ARCHIVE_FORMAT,
      paxmesh: version,
      node: id,
      takenAt: new Date(wallMs()).toISOString(),
      groups: backups.map(({ group, gid, instanceId, chain, machines }) => {
        return { group, gid, instanceId, chain: (chain >>> 0).toString(16).padStart(8, '0'), machines };
      }),
    };
    return writeArchive(
      header,
      backups.map(({ stream }) => stream),
    );
  }

  async restore(stream: AsyncIterable<Uint8Array>, bytes: number | null = null): Promise<readonly RestoredGroup[]> {
    const restoring: Restoring[] = [];
    const { restoreBytesMax } = this.#options;
    try {
      if (bytes !== null && bytes > restoreBytesMax) throw tooLong(restoreBytesMax);
      const { header, groups } = await readArchive(upTo(restoreBytesMax, stream));
      const targets = header.groups.map(({ group, machines }) => this.#target(group, machines));
      // All of them first: whoever was used says so before any byte is handed round.
      for (const group of targets) restoring.push({ group, restore: await group.beginRestore() });
      for await (const { name, parts } of groups) {
        await restoring.find(({ group }) => group.name === name)?.restore.take(parts);
      }
    } catch (error) {
      await abandon(restoring);
      if (!(error instanceof SnapshotDamaged)) throw error;
      throw new PaxmeshError('invalid-request', `The backup cannot be used: ${error.message}; nothing was changed`);
    }
    return complete(restoring);
  }

  #target(name: GroupId, machines: readonly string[]): GroupFace {
    const group = this.#options.groups().find((known) => known.name === name);
    if (group === undefined) {
      throw new PaxmeshError(
        'group-not-found',
        `The backup has a group ${name.slice(0, 80)}, and this node has none of that name`,
      );
    }
    const missing = machines.find((machine) => !group.machines.includes(machine));
    if (missing === undefined) return group;
    throw new PaxmeshError(
      'unknown-machine',
      `The backup has state of a machine ${missing.slice(0, 80)}, which is not here`,
    );
  }
}

async function* upTo(bytesMax: number, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes > bytesMax) throw tooLong(bytesMax);
    yield piece;
  }
}

function tooLong(bytesMax: number): SnapshotDamaged {
  const limit = `${Math.floor(bytesMax / 2 ** 20)} MiB`;
  return new SnapshotDamaged(
    `it is longer than ${limit}, which is all that this process may hold; with NODE_OPTIONS=--max-old-space-size=… on all nodes it may be more`,
  );
}

async function complete(restoring: readonly Restoring[]): Promise<readonly RestoredGroup[]> {
  const done: { readonly group: GroupId; readonly gid: string | null; readonly instanceId: InstanceId }[] = [];
  for (const { group, restore } of restoring) {
    try {
      const instanceId = await restore.complete();
      done.push({ group: group.name, gid: group.membersView().gid, instanceId });
    } catch (error) {
      await abandon(restoring.slice(done.length));
      if (!(error instanceof PaxmeshError) || done.length === 0) throw error;
      const detail = `${group.name}: ${error.message}; restored before that: ${done.map(({ group: name }) => name).join(', ')}`;
      throw new PaxmeshError(error.code, detail, { outcome: 'unknown', facts: { ...error.facts, restored: done } });
    }
  }
  return done;
}

/** What cannot be forgotten now is forgotten when the next restore begins. */
async function abandon(restoring: readonly Restoring[]): Promise<void> {
  await Promise.allSettled(restoring.map(({ restore }) => restore.abandon()));
}
