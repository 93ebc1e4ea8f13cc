// Directories that a loss of power does not take back: a name is on the disk only when the directory that holds it was
// synced.
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the directory so that it is still there after a loss of power: its parents are synced too. */
export async function makeDurableDirectory(directory: string): Promise<void> {
  const created = await makeDirectories(directory);
  if (created === undefined) return;
  for (let path = directory; path.length >= created.length; path = dirname(path)) await syncDirectory(dirname(path));
}

/** What was made or removed in this directory stays so after a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Like mkdir with `recursive`, which for ever tries again where a parent exists and yet nothing can be made in it, such as
 * under /proc. Returns the first directory that was made; undefined: all of them were there.
 */
async function makeDirectories(directory: string): Promise<string | undefined> {
  try {
    await mkdir(directory);
    return directory;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return undefined;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
  }
  const created = await makeDirectories(dirname(directory));
  await mkdir(directory);
  return created ?? directory;
}
