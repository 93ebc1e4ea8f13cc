// A backup of a node as one stream: a header that says what is inside, then each group's own stream, each a section of its
// own (sections.ts), then the mark that says it is whole. Written by the engine, read by it and by the command line. It holds
// state and no settings: no token, no secret, no address.
import type { GroupId, InstanceId, NodeId } from '../core/ids.js';
import { readSections, type Section, SnapshotDamaged, writeSections } from './sections.js';

export interface ArchivedGroup {
  readonly group: GroupId;
  /** Of the cluster it was taken from. */
  readonly gid: string | null;
  /** The last instance inside it. */
  readonly instanceId: InstanceId;
  /** The chain's checksum after that instance, 8 hex digits. */
  readonly chain: string;
  /** The machines whose state is inside. */
  readonly machines: readonly string[];
}

export interface ArchiveHeader {
  readonly format: number;
  /** The version that wrote it. */
  readonly paxmesh: string;
  readonly node: NodeId;
  /** Wall clock, ISO 8601, for people. */
  readonly takenAt: string;
  /** In the order of their sections. */
  readonly groups: readonly ArchivedGroup[];
}

export interface Archive {
  readonly header: ArchiveHeader;
  /** One section for each group of the header, in its order. To be read to the end: only then it is known to be whole. */
  readonly groups: AsyncIterable<Section>;
}

export const ARCHIVE_FORMAT = 1;
const HEADER = 'paxmesh-backup';
const HEADER_BYTES_MAX = 1024 * 1024;

/** `streams`: one for each group of the header, in its order. */
export function writeArchive(
  header: ArchiveHeader,
  streams: readonly AsyncIterable<Uint8Array>[],
): AsyncIterable<Uint8Array> {
  const sections = header.groups.map(({ group }, place) => ({ name: nameOf(group), parts: streams[place] ?? [] }));
  return writeSections([{ name: HEADER, parts: [Buffer.from(JSON.stringify(header))] }, ...sections]);
}

/** Throws SnapshotDamaged, here and while the groups are read: also for what is no backup, or one of another version. */
export async function readArchive(stream: AsyncIterable<Uint8Array>): Promise<Archive> {
  const sections = readSections(stream);
  const first = await sections.next();
  if (first.done === true || first.value.name !== HEADER) throw new SnapshotDamaged('this is not a backup of Paxmesh');
  const header = await readHeader(first.value);
  return { header, groups: groupsOf(header, sections) };
}

async function readHeader({ parts }: Section): Promise<ArchiveHeader> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    bytes += part.length;
    if (bytes > HEADER_BYTES_MAX) throw new SnapshotDamaged('the header is longer than any header');
    pieces.push(part);
  }
  let header: Partial<ArchiveHeader>;
  try {
    header = JSON.parse(Buffer.concat(pieces).toString()) as Partial<ArchiveHeader>;
  } catch (error) {
    throw new SnapshotDamaged('the header is not JSON', { cause: error });
  }
  if (header?.format !== ARCHIVE_FORMAT) {
    throw new SnapshotDamaged(`it has format ${String(header?.format)}; this version reads ${ARCHIVE_FORMAT}`);
  }
  if (!Array.isArray(header.groups) || !header.groups.every(isArchivedGroup)) {
    throw new SnapshotDamaged('the header does not list its groups');
  }
  const names = header.groups.map(({ group }) => group);
  if (new Set(names).size < names.length) throw new SnapshotDamaged('the header lists a group twice');
  return header as ArchiveHeader;
}

function isArchivedGroup(row: unknown): boolean {
  const { group, machines } = (row ?? {}) as Partial<ArchivedGroup>;
  return typeof group === 'string' && Array.isArray(machines) && machines.every((name) => typeof name === 'string');
}

async function* groupsOf({ groups }: ArchiveHeader, sections: AsyncGenerator<Section>): AsyncGenerator<Section> {
  let place = 0;
  for await (const section of sections) {
    const group = groups[place++]?.group;
    if (group === undefined || section.name !== nameOf(group))
      throw new SnapshotDamaged('a group is not where it should be');
    yield { name: group, parts: section.parts };
  }
  if (place < groups.length) throw new SnapshotDamaged(`${groups[place]?.group} is missing`);
}

const nameOf = (group: GroupId): string => `group/${group}`;
