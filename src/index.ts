// What a program that brings a node up inside itself needs: one node, its settings, and the port of its own machines.
// The Paxos core alone is `paxmesh/core`. Everything else is private and may change in any release.
export { type BootedNode, type BootOptions, bootNode } from './boot.js';
export { type Config, ConfigError, loadConfig } from './config.js';
export type { StateMachine } from './machines/machine.js';
export { VERSION } from './version.js';
