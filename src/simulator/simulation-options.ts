// What a run is to be.
import type { Profile } from './plan.js';
import type { Frame } from './sim-transport.js';
import type { Workload } from './workload.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly profile: Profile;
  /** Keep so many lines of transcript; 0: none, which is much faster. */
  readonly lines?: number;
  /** What the wire makes of a frame, e.g. encodes and decodes it. Default: hands it over as it is. */
  readonly wire?: (frame: Frame) => Frame;
  /** Somebody's own machine and commands, instead of the profile's. */
  readonly workload?: Workload;
  /** Stop after so many events; a run that needs more is a failure of the simulation itself. */
  readonly stepsMax?: number;
}
