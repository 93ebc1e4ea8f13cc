// Every mutant.
import { CORE_MUTANTS } from './core-mutants.js';
import { ENGINE_MUTANTS } from './engine-mutants.js';
import type { Mutant } from './mutant.js';

export const MUTANTS: readonly Mutant[] = [...CORE_MUTANTS, ...ENGINE_MUTANTS];
