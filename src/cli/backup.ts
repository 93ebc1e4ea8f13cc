// `paxmesh backup` and `paxmesh restore`: all state of all groups into a file, and from it into a cluster that was never used. A
// file under its final name is whole: what comes is checked to its last mark first, under another name.
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type ArchiveHeader, readArchive } from '../machines/node-archive.js';
import { SnapshotDamaged } from '../machines/sections.js';
import { type Client, parseClient, print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';
import { counted, exchange, inWords, Progress, textOf } from './transfer.js';

export async function backup(args: readonly string[]): Promise<void> {
  const { client, values } = parseClient(args, { out: { type: 'string' } });
  const file = resolve(String(values['out'] ?? `paxmesh-${new Date().toISOString().replace(/[:.]/g, '-')}.backup`));
  const progress = new Progress(process.stderr.isTTY);
  const header = await keep(client, file, progress).finally(() => progress.end());
  const groups = header.groups.map(({ group, gid, instanceId, chain }) => ({ group, gid, instanceId, chain }));
  if (client.json)
    return print(JSON.stringify({ file, bytes: progress.bytes, node: header.node, takenAt: header.takenAt, groups }));
  print(`${file}: ${inWords(progress.bytes)}, whole, from node ${header.node}`);
  for (const { group, gid, instanceId } of groups)
    print(`  group ${group}  gid ${gid ?? '-'}  through instance ${instanceId}`);
}

async function keep(client: Client, file: string, progress: Progress): Promise<ArchiveHeader> {
  const partial = `${file}.partial`;
  const answer = await exchange(client, 'GET', '/v1/backup', null);
  // For the eyes of whoever takes it: it holds all there is.
  const handle = await open(partial, 'w', 0o600).catch((error: NodeJS.ErrnoException) => {
    answer.destroy();
    throw new CommandFailed(`cannot write ${partial}: ${error.code}`);
  });
  try {
    const written = (async function* () {
      for await (const piece of counted(answer, progress)) {
        await handle.writeFile(piece);
        yield piece;
      }
    })();
    const { header, groups } = await readArchive(written);
    for await (const { parts } of groups) for await (const _ of parts);
    await handle.sync();
    await handle.close();
    await rename(partial, file);
    await syncDirectory(dirname(file));
    return header;
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw new CommandFailed(`the backup broke off: ${(error as Error).message}; ${basename(file)} was not written`);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

export async function restore(args: readonly string[]): Promise<void> {
  const { client, positionals } = parseClient(args, {}, 1);
  const [file] = positionals;
  if (file === undefined) throw new UsageError('it is: restore FILE');
  await mustBeWhole(file);
  const progress = new Progress(process.stderr.isTTY);
  const { size } = await stat(file);
  const body = { stream: counted(createReadStream(file, { end: size - 1 }), progress), bytes: size };
  const answer = await exchange(client, 'POST', '/v1/restore', body).finally(() => progress.end());
  const text = await textOf(answer);
  if (client.json) return print(text);
  const { groups } = JSON.parse(text) as { groups: readonly { group: string; gid: string; instanceId: number }[] };
  for (const { group, gid, instanceId } of groups)
    print(`group ${group}  gid ${gid}  restored at instance ${instanceId}`);
}

/** The node would find it out as well, after every member was sent all of it. */
async function mustBeWhole(file: string): Promise<void> {
  try {
    const { groups } = await readArchive(createReadStream(file));
    for await (const { parts } of groups) for await (const _ of parts);
  } catch (error) {
    const why =
      error instanceof SnapshotDamaged ? error.message : ((error as NodeJS.ErrnoException).code ?? String(error));
    throw new CommandFailed(`${file} cannot be restored: ${why}`);
  }
}
