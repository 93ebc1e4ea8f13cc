// Takes away what a former build has left in dist and no source stands behind any more. The compiler never deletes, and
// leftovers do harm: routes are found by their place, and so are tests.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const dist = join(import.meta.dirname, '..');
const root = join(dist, '..');
const OUTPUT = /(?:\.d\.ts|\.js\.map|\.js)$/;

for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (OUTPUT.test(file) && !existsSync(join(root, file.replace(OUTPUT, '.ts')))) rmSync(join(dist, file));
}
removeEmpty(dist);

function removeEmpty(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(directory, entry.name));
  }
  if (directory !== dist && readdirSync(directory).length === 0) rmdirSync(directory);
}
