// A whole group as one stream of sections, and back: the tables, the reserved machines, then every machine by its name.
// Reading prepares everything beside the present state; one act at the end switches all of it, so a snapshot that turns out
// damaged in its last byte has changed nothing. A backup is the same stream, of which the group's own facts (members,
// master, what was executed under the old cluster's names) are left out.
import { InvariantBroken } from '../core/invariant.js';
import type { Membership } from '../core/membership.js';
import { MASTER, MEMBERSHIP, RESTORE, RETENTION } from './batch.js';
import { readLines, writeLines } from './json-lines.js';
import type { SnapshotSource, StateMachine } from './machine.js';
import type { MasterFacts, MasterMachine } from './master-machine.js';
import type { MembershipMachine } from './membership-machine.js';
import type { RestoreMachine } from './restore-machine.js';
import type { Retention, RetentionMachine } from './retention-machine.js';
import { readSections, type Section, type SectionSource, SnapshotDamaged, writeSections } from './sections.js';
import { Tables } from './tables.js';

/** The machines of a group, as the router holds them. */
export interface Machines {
  readonly membership: MembershipMachine;
  readonly master: MasterMachine;
  readonly retention: RetentionMachine;
  readonly restore: RestoreMachine;
  readonly machines: Iterable<StateMachine>;
  machine(name: string): StateMachine | undefined;
}

/** Read whole, and not yet in place. When a machine breaks its word and `act` throws, that is InvariantBroken. */
export interface PreparedState {
  readonly tables: Tables;
  readonly act: () => void;
}

/** What is written in the place of a machine's own snapshot, by its name. */
export type StandIns = ReadonlyMap<string, AsyncIterable<Uint8Array>>;

const TABLES = '$tables';

export function captureGroup(group: Machines, tables: Tables, standIns?: StandIns): AsyncIterable<Uint8Array> {
  const { membership, master, retention, restore } = group;
  const staged = restore.capture();
  const sections: SectionSource[] = [
    { name: TABLES, parts: tables.capture() },
    { name: MEMBERSHIP, parts: writeLines([membership.membership]) },
    { name: MASTER, parts: writeLines([master.facts]) },
    { name: RETENTION, parts: writeLines([retention.retention]) },
    { name: RESTORE, parts: writeLines(stagedRows(staged.id, staged.parts)) },
  ];
  for (const machine of group.machines) {
    if (machine.name.startsWith('$') || machine.snapshot === undefined) continue;
    sections.push({ name: machine.name, parts: standIns?.get(machine.name) ?? holdOf(machine.snapshot()) });
  }
  return writeSections(sections);
}

/** Throws SnapshotDamaged, and what a machine's `restore` throws. */
export function prepareGroup(group: Machines, stream: AsyncIterable<Uint8Array>): Promise<PreparedState> {
  return prepare(group, stream, 'checkpoint', (section) => readReserved(group, section));
}

/** As prepareGroup, of a backup's parts. Of its tables only keys and time count; the caller takes them over. */
export function prepareBackup(group: Machines, parts: readonly Uint8Array[]): Promise<PreparedState> {
  const asRead = (async function* () {
    yield* parts;
  })();
  return prepare(group, asRead, 'backup', async () => () => {});
}

async function prepare(
  group: Machines,
  stream: AsyncIterable<Uint8Array>,
  source: SnapshotSource,
  reserved: (section: Section) => Promise<() => void>,
): Promise<PreparedState> {
  const acts: (() => void)[] = [];
  let tables: Tables | null = null;
  for await (const section of readSections(stream)) {
    if (section.name === TABLES) tables = await Tables.read(section.parts);
    else if (section.name.startsWith('$')) acts.push(await reserved(section));
    else acts.push(await readMachine(group, section, source));
  }
  if (tables === null) throw new SnapshotDamaged('the snapshot has no tables');
  return {
    tables,
    act: () => {
      try {
        for (const act of acts) act();
      } catch (error) {
        // Some have switched and some have not: this is no state of any instance.
        throw new InvariantBroken('same-state', `a machine could not switch to what it has read: ${String(error)}`);
      }
    },
  };
}

/** The one row of a reserved machine's section, for who needs no more of a snapshot. All of it is read and checked. */
export async function readReservedRow(stream: AsyncIterable<Uint8Array>, machine: string): Promise<unknown> {
  let row: unknown;
  for await (const { name, parts } of readSections(stream)) if (name === machine) row = await onlyRow(name, parts);
  if (row === undefined) throw new SnapshotDamaged(`the snapshot has no section ${machine}`);
  return row;
}

async function readMachine(group: Machines, { name, parts }: Section, source: SnapshotSource): Promise<() => void> {
  const machine = group.machine(name);
  if (machine?.restore === undefined) throw new Error(`no machine named ${name} on this node that can be restored`);
  return machine.restore(parts, source);
}

async function readReserved(group: Machines, { name, parts }: Section): Promise<() => void> {
  if (name === RESTORE) {
    const rows: StagedRow[] = [];
    for await (const row of readLines<StagedRow>(parts)) rows.push(row);
    return () =>
      group.restore.restored(
        rows[0]?.id ?? null,
        rows.slice(1).map(({ part }) => Buffer.from(part, 'base64')),
      );
  }
  const row = await onlyRow(name, parts);
  switch (name) {
    case MEMBERSHIP:
      return () => group.membership.restored(row as Membership);
    case MASTER:
      return () => group.master.restored(row as MasterFacts);
    case RETENTION:
      return () => group.retention.restored(row as Retention);
    default:
      throw new Error(`the snapshot has a section ${name}, which this version does not know`);
  }
}

async function onlyRow(name: string, parts: AsyncIterable<Uint8Array>): Promise<unknown> {
  const rows: unknown[] = [];
  for await (const row of readLines<unknown>(parts)) rows.push(row);
  if (rows.length !== 1) throw new SnapshotDamaged(`the section ${name} has ${rows.length} rows`);
  return rows[0];
}

interface StagedRow {
  readonly id: string | null;
  readonly part: string;
}

function* stagedRows(id: string | null, parts: readonly Uint8Array[]): Generator<StagedRow> {
  if (id === null) return;
  yield { id, part: '' };
  for (const part of parts) yield { id, part: Buffer.from(part).toString('base64') };
}

/**
 * Takes hold of the state now. An Iterable is read to its end; of an AsyncIterable the first part is asked for, which runs it
 * to where it has taken hold of its state by itself.
 */
function holdOf(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (Symbol.iterator in parts) return [...parts];
  const iterator = parts[Symbol.asyncIterator]();
  const first = iterator.next();
  // Whoever reads on hears of a failure; until then nobody must.
  first.catch(() => undefined);
  return (async function* () {
    for (let next = await first; next.done !== true; next = await iterator.next()) yield next.value;
  })();
}
