// Plants a mutant in a copy of the compiled code and hunts it with the simulator, seed by seed.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Profile, profileOf } from '../../src/simulator/plan.js';
import type { Mutant } from './mutants.js';

type Simulator = typeof import('../../src/simulator/simulation.js');

/** Compiled `src`; this file is compiled to dist/test/sim. */
const SOURCE = join(import.meta.dirname, '..', '..', 'src');
const ROOMS = ['core', 'machines', 'engine', 'store', 'simulator'];

export interface Catch {
  readonly seed: number;
  readonly profile: Profile;
  readonly invariant: string;
}

/** The seed at which the mutant fell; null: it lived through all of them. */
export async function hunt(
  mutant: Mutant,
  first: number,
  count: number,
  profile: Profile | null = null,
): Promise<Catch | null> {
  const root = await mkdtemp(join(tmpdir(), 'paxmesh-mutant-'));
  try {
    const { simulate } = await plant(mutant, root);
    for (let seed = first; seed < first + count; seed++) {
      const used = profile ?? profileOf(seed);
      const { failure } = await simulate({ seed, profile: used });
      if (failure !== null) return { seed, profile: used, invariant: failure.invariant };
    }
    return null;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function plant({ name, edits }: Mutant, root: string): Promise<Simulator> {
  for (const room of ROOMS) await cp(join(SOURCE, room), join(root, room), { recursive: true });
  await writeFile(join(root, 'package.json'), '{ "type": "module" }');
  for (const [module, text, replacement] of edits) {
    const path = join(root, `${module}.js`);
    const parts = (await readFile(path, 'utf8')).split(text);
    if (parts.length !== 2)
      throw new Error(`mutant "${name}": ${module} holds the text ${parts.length - 1} times: ${text}`);
    await writeFile(path, parts.join(replacement));
  }
  return import(pathToFileURL(join(root, 'simulator', 'simulation.js')).href);
}
