// One replica, and a test that plays everybody else: the peers, the disk and the clock. What a step wants done comes back
// as it is; what the replica says to itself returns only when the test hands it back, as after a flush.
import { type Effects, noEffects } from '../../src/core/effects.js';
import type { Millis, NodeId, StoreId } from '../../src/core/ids.js';
import type { Message } from '../../src/core/message.js';
import { type Input, Replica, type ReplicaHost, type ReplicaStart } from '../../src/core/replica.js';
import { ballot, chain, value, votersNamed } from './samples.js';

export class LoneReplica {
  readonly self: NodeId;
  readonly replica: Replica;
  now: Millis = 0;

  /** `a` of the voters a, b and c, with an empty disk, unless told otherwise. */
  constructor(start: Partial<ReplicaStart> = {}, host: Partial<ReplicaHost> = {}) {
    const whole: ReplicaStart = {
      self: 'a',
      store: start.self ?? 'a',
      open: 0,
      chain: 0,
      promised: ballot(0, ''),
      vote: null,
      membership: votersNamed('a', 'b', 'c'),
      votesFrom: 0,
      mayFound: true,
      seed: 1,
      ...start,
    };
    this.self = whole.self;
    this.replica = new Replica(whole, { chain, membershipAfter: (membership) => membership, ...host }, this.now);
  }

  step(input: Input): Effects {
    const out = noEffects();
    this.replica.step(input, this.now, out);
    return out;
  }

  hears(from: NodeId, message: Message, store: StoreId | null = from): Effects {
    return this.step({ type: 'deliver', from, store, message });
  }

  proposes(id: string): Effects {
    return this.step({ type: 'propose', value: value(id) });
  }

  /** Time passes until the replica wants a look. */
  wakes(): Effects {
    const at = this.replica.wakeAt;
    if (at === null) throw new Error('nothing is waited for');
    this.now = Math.max(this.now, at);
    return this.step({ type: 'tick' });
  }

  /** The flush is done: what the replica said to itself comes back. All that this caused, in one. */
  saves({ after }: Effects): Effects {
    const all = noEffects();
    for (const { to, message } of after) {
      if (to !== this.self) continue;
      const out = this.hears(to, message);
      for (const key of ['writes', 'after', 'now', 'chosen', 'settled', 'serve'] as const) {
        (all[key] as unknown[]).push(...out[key]);
      }
    }
    return all;
  }

  /** Proposes, and wins phase one with the promises of itself and of b: what b was asked to accept, and all else. */
  isPromisedByB(id: string): Effects {
    const asked = this.proposes(id);
    const { instance, ballot: mine } = sentTo('b', 'prepare', asked);
    this.saves(asked);
    return this.hears('b', { type: 'promised', instance, ballot: mine, vote: null });
  }
}

/** The one message of this type to this node, whenever it may leave. */
export function sentTo<T extends Message['type']>(to: NodeId, type: T, out: Effects): Extract<Message, { type: T }> {
  const found = [...out.now, ...out.after].filter((each) => each.to === to && each.message.type === type);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} messages ${type} to ${to}`);
  return only.message as Extract<Message, { type: T }>;
}
