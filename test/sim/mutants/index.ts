// Every mutant.
import { CORE_MUTANTS } from './core-mutants.js';
import { ENGINE_MUTANTS } from './engine-mutants.js';
import type { Mutant } from './mutant.js';
import { SERVICE_MUTANTS } from './service-mutants.js';
import { STATE_MUTANTS } from './state-mutants.js';

export const MUTANTS: readonly Mutant[] = [...CORE_MUTANTS, ...ENGINE_MUTANTS, ...SERVICE_MUTANTS, ...STATE_MUTANTS];
