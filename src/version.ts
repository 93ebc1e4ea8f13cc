// The version of this package, from its package.json, wherever the package is installed.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(import.meta.resolve('#package.json'));

export const VERSION: string = (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
