// Plants a mutant in a copy of the compiled code and hunts it with the simulator, seed by seed. A mutant is caught when the
// invariant that it is there to break is seen broken; what else it breaks on the way is told, too.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROFILES, type Profile, profileOf } from '../../src/simulator/plan.js';
import type { Fall, Mutant } from './mutants/mutant.js';

type Simulator = typeof import('../../src/simulator/simulation.js');

/** The compiled program; this file is compiled to dist/test/sim. */
const PROGRAM = join(import.meta.dirname, '..', '..');
/** What the simulator and its command need. */
const ROOMS = [
  'src/core',
  'src/machines',
  'src/engine',
  'src/store',
  'src/net',
  'src/simulator',
  'test/sim',
  'test/scenarios',
];

export interface Catch {
  /** Where the mutant's own invariant was broken; null: nowhere. */
  readonly fall: Fall | null;
  /** The first failure of any kind. */
  readonly first: Fall | null;
}

/** Runs `use` on a copy of the compiled program in which the mutant is planted. */
export async function withMutant<T>(mutant: Mutant, use: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'paxmesh-mutant-'));
  try {
    await plant(mutant, root);
    return await use(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Seeds from `first` on, of the profile given or of all in turn, until the mutant's invariant is broken. */
export function hunt(mutant: Mutant, first: number, count: number, profile: Profile | null = null): Promise<Catch> {
  return withMutant(mutant, async (root) => {
    const { simulate }: Simulator = await import(pathToFileURL(join(root, 'src', 'simulator', 'simulation.js')).href);
    let other: Fall | null = null;
    for (let seed = first; seed < first + count; seed++) {
      const used = profile ?? profileOf(seed);
      const { failure } = await simulate({ seed, profile: used });
      if (failure === null) continue;
      const fall = { invariant: failure.invariant, profile: used, seed };
      other ??= fall;
      if (failure.invariant === mutant.falls.invariant) return { fall, first: other };
    }
    return { fall: null, first: other };
  });
}

/** The seed at which the mutant fell last time; when the code has moved on, the ones of that profile after it. */
export async function catchAgain(mutant: Mutant, count: number): Promise<Catch> {
  const { seed, profile } = mutant.falls;
  const caught = await hunt(mutant, seed, 1, profile);
  return caught.fall === null ? hunt(mutant, 1, count, profile) : caught;
}

export function isProfile(name: string): name is Profile {
  return PROFILES.some((profile) => profile === name);
}

async function plant({ name, edits }: Mutant, root: string): Promise<void> {
  for (const room of ROOMS) {
    await cp(join(PROGRAM, room), join(root, room), {
      recursive: true,
      filter: (path) => !path.endsWith('.map') && !path.endsWith('.d.ts'),
    });
  }
  await writeFile(join(root, 'package.json'), '{ "type": "module" }');
  for (const [module, text, replacement] of edits) {
    const path = join(root, 'src', `${module}.js`);
    const parts = (await readFile(path, 'utf8')).split(text);
    const fault = faultOf(name, module, text, parts);
    if (fault !== null) throw new Error(fault);
    await writeFile(path, parts.join(replacement));
  }
}

/** What of this mutant cannot be planted any more, in words. Looks at the program itself and changes nothing. */
export async function misplaced({ name, edits }: Mutant): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [module, text] of edits) {
    const parts = (await readFile(join(PROGRAM, 'src', `${module}.js`), 'utf8')).split(text);
    const fault = faultOf(name, module, text, parts);
    if (fault !== null) faults.push(fault);
  }
  return faults;
}

function faultOf(name: string, module: string, text: string, parts: readonly string[]): string | null {
  return parts.length === 2 ? null : `mutant "${name}": ${module} holds the text ${parts.length - 1} times: ${text}`;
}
