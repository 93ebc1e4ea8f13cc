// Writes openapi.yaml from the routes' schemas; with --check, compares and fails when the file is stale.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildApp } from '../src/app.js';
import type { NodeFace } from '../src/engine/face.js';

const { version } = JSON.parse(await readFile(new URL(import.meta.resolve('#package.json')), 'utf8')) as {
  version: string;
};
const file = fileURLToPath(import.meta.resolve('#openapi.yaml'));

// The document needs no node: the routes are only declared, never called.
const nobody = {
  id: 'nobody',
  groupNames: [],
  status: () => ({ version }),
  drain: async () => undefined,
} as unknown as NodeFace;
const app = await buildApp({
  node: nobody,
  config: { valueBytesMax: 1, tokens: [], tls: null, logLevel: 'silent' },
  loggerOptions: false,
});
await app.ready();
const yaml = app.swagger({ yaml: true });
await app.close();

if (process.argv.includes('--check')) {
  const present = await readFile(file, 'utf8').catch(() => '');
  if (present !== yaml) {
    process.stderr.write('openapi.yaml is stale: run npm run openapi\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, yaml);
}
