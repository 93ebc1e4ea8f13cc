// `paxmesh/simulator`: one's own machine, on the production engine, under seeded faults.
export { type Faults, type Simulated, type SimulateOptions, simulate } from './simulate.js';
