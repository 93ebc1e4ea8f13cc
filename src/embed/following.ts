// The log and the master as async iterables, over a follower of the engine. They pull: nothing is read before it is asked
// for. Leaving the loop closes the follower.
import { PaxmeshError } from '../engine/errors.js';
import type { Follower, FollowOptions, GroupFace } from '../engine/face.js';
import type { MasterView } from '../engine/views.js';
import { type LoggedValue, loggedValue } from './value.js';

/** One instance of the log, with those of its values that were asked for. */
export interface Commit {
  readonly instanceId: number;
  readonly values: readonly LoggedValue[];
}

/** How it stands with the node that is followed. */
export interface Ending {
  /** Fires when the node goes. */
  readonly closing: AbortSignal;
  /** Why it has stopped for good; null: it has not. */
  readonly broken: PaxmeshError | null;
}

interface Signalled {
  readonly signal?: AbortSignal;
}

const WAIT_MS = 5000;
/** A lease that runs out is no event of the log: it is looked at so often. */
const LOOK_MS = 250;

export async function* commits(
  group: GroupFace,
  { signal, ...options }: Partial<FollowOptions> & Signalled,
  node: Ending,
): AsyncGenerator<Commit, void> {
  const follower = group.follow({ from: 'now', ...options });
  const ended = endWith(follower, [signal, node.closing]);
  try {
    while (!ended()) {
      for (const event of await follower.next(WAIT_MS)) {
        if (event.type === 'commit') {
          yield { instanceId: event.instanceId, values: event.values.map(loggedValue) };
        } else if (event.type === 'gap') {
          const { requested, firstKept } = event;
          throw new PaxmeshError('instance-trimmed', `the log begins at ${firstKept}, behind ${requested}`, {
            facts: { firstKept },
          });
        }
        if (ended()) break;
      }
    }
    if (node.broken !== null) throw node.broken;
  } finally {
    ended.forget();
  }
}

export async function* masters(
  group: GroupFace,
  { signal }: Signalled,
  node: Ending,
): AsyncGenerator<MasterView, void> {
  const follower = group.follow({ from: 'now', machines: [] });
  const ended = endWith(follower, [signal, node.closing]);
  let told: MasterView | null = null;
  try {
    while (!ended()) {
      const view = group.masterView();
      if (told === null || view.node !== told.node || view.version !== told.version || view.self !== told.self) {
        told = view;
        yield view;
      }
      if (!ended()) await follower.next(LOOK_MS);
    }
    if (node.broken !== null) throw node.broken;
  } finally {
    ended.forget();
  }
}

/** Whether one of the signals has fired; the follower's wait ends with it. */
function endWith(follower: Follower, signals: readonly (AbortSignal | undefined)[]) {
  const close = (): void => follower.close();
  for (const signal of signals) signal?.addEventListener('abort', close, { once: true });
  const ended = (): boolean => signals.some((signal) => signal?.aborted === true);
  const forget = (): void => {
    for (const signal of signals) signal?.removeEventListener('abort', close);
    follower.close();
  };
  return Object.assign(ended, { forget });
}
