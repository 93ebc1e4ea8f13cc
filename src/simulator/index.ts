// `paxmesh/simulator`: one's own machine, on the production engine, under seeded faults.
export { type Faults, type SimulateOptions, type Simulated, simulate } from './simulate.js';
