// From a follower's events to the frames of a feed: hello first, then every event in order, bookmarks in between. It
// pulls: nothing is read from the log before the consumer has taken what came before.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Follower, GroupFace } from '../../../src/engine/face.js';
import { eventFrame, helloFrame } from '../../../src/schemas/feed.js';

const BOOKMARK_MS = 5000;

export interface Frame {
  readonly text: string;
  /** Where a follower may go on from, if this frame says so. */
  readonly instanceId: number | null;
  /** The position is trimmed: nothing comes after this frame. */
  readonly gap: boolean;
}

/** Ends after a gap, and soon after `isOpen` turns false (close the follower to make it at once). */
export async function* feedFrames(
  node: string,
  group: GroupFace,
  follower: Follower,
  isOpen: () => boolean,
): AsyncGenerator<Frame, void> {
  const { firstKept, lastChosen } = group;
  yield {
    text: helloFrame({ group: group.name, node, from: follower.from, firstKept, lastChosen }),
    instanceId: null,
    gap: false,
  };
  let position: number | null = null;
  let bookmarkedAt = performance.now();
  while (isOpen()) {
    const events = await follower.next(BOOKMARK_MS);
    if (events.length === 0) await nextTurn();
    for (const event of events) {
      const instanceId = event.type === 'commit' || event.type === 'bookmark' ? event.instanceId : null;
      if (instanceId !== null) position = instanceId;
      if (event.type === 'bookmark') bookmarkedAt = performance.now();
      // A slow reader may take a while to get here, and whether this node is master is true only when it is said.
      const said = event.type === 'master' ? { ...event, ...group.masterView() } : event;
      yield { text: eventFrame(said), instanceId, gap: event.type === 'gap' };
      if (event.type === 'gap' || !isOpen()) return;
    }
    if (position !== null && performance.now() - bookmarkedAt >= BOOKMARK_MS) {
      bookmarkedAt = performance.now();
      yield { text: eventFrame({ type: 'bookmark', instanceId: position }), instanceId: position, gap: false };
    }
  }
}
