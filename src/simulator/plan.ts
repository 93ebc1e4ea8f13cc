// What a seed will do to the cluster: sizes, rates and chances, drawn once at the start (draw-plan.ts).

export interface Plan {
  /** The founders. */
  readonly nodes: number;
  /** Nodes that start with no members in their settings: they ask the founders, and wait to be added. */
  readonly spares: number;
  readonly groups: number;
  /** Virtual time with faults; afterwards, when `heals`, everything is repaired and progress is demanded. */
  readonly durationMs: number;
  readonly heals: boolean;
  /** What stays broken when everything else is repaired. */
  readonly scar: 'none' | 'dead-node' | 'cut-pair';
  readonly leaseMs: number;

  readonly clients: number;
  /** Mean pause of a client between two calls. */
  readonly thinkMs: number;
  readonly followers: number;
  /** Clients prefer one node (the rest of the calls goes anywhere); duelling: each has its own and stays local. */
  readonly localShare: number;

  /** One-way delay: minimum and mean of what comes on top. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Chance of a frame to be lost, and to be held for up to a second. */
  readonly loss: number;
  readonly spikes: number;
  /** Messages of the core may overtake and double each other within a link: more than the port allows. */
  readonly wild: boolean;
  /** What was sent on the last life of a link may come again on the next. */
  readonly echoes: boolean;

  /** Mean time between faults of a kind, over the whole cluster; 0: never. */
  readonly cutEveryMs: number;
  readonly oneWayEveryMs: number;
  readonly flapEveryMs: number;
  readonly isolateEveryMs: number;
  readonly muteEveryMs: number;
  readonly deafEveryMs: number;
  readonly crashEveryMs: number;
  readonly stormEveryMs: number;
  readonly restartAllEveryMs: number;
  readonly pauseEveryMs: number;
  readonly storeDownEveryMs: number;
  readonly slowDiskEveryMs: number;
  readonly driftEveryMs: number;
  readonly drainEveryMs: number;
  readonly wipeEveryMs: number;
  /** A second process opens the store of one that runs. */
  readonly doubleEveryMs: number;
  /** Mean time between orders of the operators: to the members, and to the lease. */
  readonly membersEveryMs: number;
  readonly masterEveryMs: number;
  /** Share of the orders that look for a disk that was lost, first of all. */
  readonly readmits: number;
  /** Longest time a node may take to drain; and the chance that it hears nothing meanwhile. */
  readonly drainMs: number;
  readonly deafDrains: number;

  readonly saveMs: number;
  /** Chances per commit. */
  readonly saveFailsBefore: number;
  readonly saveFailsAfter: number;
  readonly crashBeforeSave: number;
  readonly crashAfterSave: number;
  /** Largest deviation of a clock's speed; the lease is made for 5 %. */
  readonly drift: number;
  /** Clients of kv, counter and lock, and their mean pause between two calls. */
  readonly stateClients: number;
  readonly stateThinkMs: number;
  /** Clients of somebody's own machine. */
  readonly userClients: number;
  /** About how many instances the group agrees to keep; 0: the log is never trimmed. */
  readonly keepInstances: number;
  /** Somebody asks a node for a checkpoint; and a block of one node's checkpoints rots. */
  readonly checkpointEveryMs: number;
  readonly rotEveryMs: number;
  /** Bytes that the user's machine adds to each checkpoint. */
  readonly ballast: number;
  /** Chances: per write of a block to fail, and to be the process' last act; per block on its way to be garbled. */
  readonly blockFails: number;
  readonly crashAtBlock: number;
  readonly blockGarbled: number;
  /** Chances per call of the user's machine: it throws, and it takes its time. */
  readonly machineThrows: number;
  readonly machineSlow: number;
  /** From when on no client calls are made. */
  readonly quietFromMs: number;
}

export const PROFILES = [
  'swarm',
  'crash-inside-save',
  'five-nodes',
  'lease-and-drift',
  'duelling-proposers',
  'lagging-learner',
  'idle-then-restart-all',
  'wild-network',
  'failing-store',
  'liveness',
  'wiped-node',
  'lease-given-back',
  'restarted-forwarder',
  'muted-stranger',
  'scarred',
  'members-at-random',
  'wiped-and-readmitted',
  'slow-newcomers',
  'lease-at-random',
  'doubled-process',
  'membership-churn',
  'state-machines',
  'stale-reads',
  'short-log',
  'short-log-members',
  'throwing-machine',
] as const;

export type Profile = (typeof PROFILES)[number];
/** Those that are about state: machines, reads, checkpoints (draw-state-plan.ts). */
export type StateProfile = 'state-machines' | 'stale-reads' | 'short-log' | 'short-log-members' | 'throwing-machine';
/** Those with whole nodes; `membership-churn` has replicas alone (churn.ts). */
export type WholeProfile = Exclude<Profile, 'membership-churn'>;

export function profileOf(seed: number): Profile {
  return PROFILES[seed % PROFILES.length] ?? 'swarm';
}
