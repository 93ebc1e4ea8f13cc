// `paxmesh inspect`: looks into a node's store without the node. Groups and where they stand, instances with their commands, and
// with --check whether all of it is sound (then the exit status says so too). It changes nothing, and hurts no node that runs.
import { parseArgs } from 'node:util';
import { damageOf, type GroupReport, instancesOf, reportOf } from '../engine/rescue/store-audit.js';
import type { Reading, StoreReader } from '../engine/rescue/store-reader.js';
import { instanceJson } from '../schemas/instance.js';
import { createReader } from '../store/open-store.js';
import { print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';
import { instanceLine } from './instance-line.js';
import { readStoreSettings, STORE_OPTIONS, type StoreSettings } from './store-settings.js';

const LIMIT = 100;
/** Variables that other lines tell of. */
const SHOWN: readonly string[] = ['membership', 'checkpoint'];

export async function inspect(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      ...STORE_OPTIONS,
      group: { type: 'string' },
      from: { type: 'string' },
      limit: { type: 'string' },
      check: { type: 'boolean', default: false },
    },
  });
  const settings = readStoreSettings(values, false);
  const { group, json } = values;
  const from = readCount('--from', values.from);
  const limit = readCount('--limit', values.limit);
  const isListing = from !== null || limit !== null;
  if (isListing && group === undefined) throw new UsageError('say of which group: --group main');
  if (isListing && values.check)
    throw new UsageError('--check looks at everything: it takes neither --from nor --limit');
  await withReader(settings, async (reader, reading) => {
    const known = await reader.groups();
    if (group !== undefined && !known.includes(group)) throw new CommandFailed(`this store has no group ${group}`);
    const groups = group === undefined ? known : [group];
    if (isListing) return list(reader, group ?? '', from ?? 0, limit ?? LIMIT, json);
    if (values.check) return check(settings, reader, reading, groups, json);
    return show(reader, reading, groups, json);
  });
}

async function withReader<T>(
  { store, node }: StoreSettings,
  work: (reader: StoreReader, reading: Reading) => Promise<T>,
): Promise<T> {
  const reader = await createReader(store, node);
  try {
    return await work(reader, await reader.open());
  } finally {
    await reader.close();
  }
}

async function list(reader: StoreReader, group: string, from: number, limit: number, json: boolean): Promise<void> {
  for await (const instance of instancesOf(reader, group, from, limit)) {
    const text = instanceJson(instance);
    print(json ? text : instanceLine(text));
  }
}

async function check(
  settings: StoreSettings,
  reader: StoreReader,
  { inUse }: Reading,
  groups: readonly string[],
  json: boolean,
): Promise<void> {
  const reports: { group: string; damage: readonly string[] }[] = [];
  for (const group of groups) {
    let damage = await damageOf(reader, group);
    // Under a running node what is read is of more than one moment. What is damaged is so at the second look too.
    if (damage.length > 0 && inUse) {
      const again = await withReader(settings, (other) => damageOf(other, group));
      damage = damage.filter((each) => again.includes(each));
    }
    reports.push({ group, damage });
  }
  const isSound = reports.every(({ damage }) => damage.length === 0);
  if (json) print(JSON.stringify({ sound: isSound, groups: reports }));
  else
    for (const { group, damage } of reports)
      print([`group ${group}: ${damage.length === 0 ? 'sound' : 'DAMAGED'}`, ...damage].join('\n  '));
  if (!isSound) process.exitCode = 1;
}

async function show(reader: StoreReader, reading: Reading, groups: readonly string[], json: boolean): Promise<void> {
  const reports: GroupReport[] = [];
  for (const group of groups) reports.push(await reportOf(reader, group));
  if (json) return print(JSON.stringify({ kind: reader.kind, ...reading, groups: reports }));
  print(`${reader.kind} store ${reading.identity}, epoch ${reading.epoch}${reading.inUse ? ', in use' : ''}`);
  for (const report of reports) print(linesOf(report).join('\n  '));
}

function linesOf(report: GroupReport): string[] {
  const { group, membership, promised, firstKept, lastChosen, vote, checkpoint, variables } = report;
  const members = membership?.members.map(
    ({ id, role, url, store }) => `${id}  ${role}  ${url}  store ${store ?? 'not known yet'}`,
  );
  const kept = lastChosen < firstKept ? 'empty' : `instances ${firstKept} to ${lastChosen}`;
  return [
    `group ${group}  gid ${membership?.gid ?? '-'}  members since instance ${membership?.version ?? '-'}`,
    ...(members ?? []),
    `promised    ${promised.round === 0 ? 'nothing' : `round ${promised.round} of ${promised.node}`}`,
    `log         ${kept}${vote === null ? '' : `; a vote at ${vote} that is not closed`}`,
    `checkpoint  ${checkpoint === null ? 'none' : `through ${checkpoint.instanceId}: ${checkpoint.bytes} bytes, checksum ${checkpoint.checksum}, taken ${checkpoint.takenAt}`}`,
    ...Object.entries(variables)
      .filter(([name]) => !SHOWN.includes(name))
      .map(([name, value]) => `variable    ${name} ${JSON.stringify(value)}`),
  ];
}

function readCount(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${flag} is a whole number, not ${text}`);
  return Number(text);
}
