// The feed: followers of groups over WebSocket and Server-Sent Events. It opens a follower, pumps its frames and ends it
// with the connection, with the node, or at a gap. What a follower is given is the engine's affair.
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { WebSocket } from 'ws';
import { PaxmeshError } from '../../../src/engine/errors.js';
import type { GroupFace } from '../../../src/engine/face.js';
import { type FeedPosition, serverSentEvent } from '../../../src/schemas/feed.js';
import { type Frame, feedFrames } from './frames.js';
import { CLOSE, closeSocket, SocketSession } from './socket-session.js';

declare module 'fastify' {
  interface FastifyInstance {
    feed: Feed;
  }
}

const BEAT_MS = 15_000;
const STREAM_BUFFER_BYTES = 64 * 1024;

class Feed {
  readonly #app: FastifyInstance;
  readonly #sessions = new Set<SocketSession>();
  #streams = 0;

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  get followers(): number {
    return this.#sessions.size + this.#streams;
  }

  /** Serves a socket that was just accepted. What was wrong with its request is told by the close code. */
  serveSocket(
    socket: WebSocket,
    group: GroupFace | null,
    position: FeedPosition | PaxmeshError,
    log: FastifyBaseLogger,
  ): void {
    if (group === null) {
      closeSocket(socket, CLOSE.noSuchGroup, 'no such group');
      return;
    }
    if (position instanceof PaxmeshError) {
      closeSocket(socket, CLOSE.badParameters, position.message.slice(0, 120));
      return;
    }
    const follower = group.follow(position);
    const session = new SocketSession(socket, follower, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    session.send(feedFrames(this.#app.node.id, group, follower, session.isOpen)).catch((error: unknown) => {
      if (error instanceof PaxmeshError && error.status === 503) return session.close(CLOSE.tryLater, error.code);
      log.error({ err: error }, 'feed failed');
      session.close(CLOSE.failed, 'internal');
    });
  }

  /** The same as a stream of Server-Sent Events. */
  events(group: GroupFace, position: FeedPosition, connection: ServerResponse): Readable {
    const follower = group.follow(position);
    let open = true;
    const end = (): void => {
      open = false;
      follower.close();
    };
    const forget = this.#app.lifecycle.onClosing(end);
    const frames = feedFrames(this.#app.node.id, group, follower, () => open);
    const stream = Readable.from(eventTexts(frames), { objectMode: false, highWaterMark: STREAM_BUFFER_BYTES });
    this.#streams += 1;
    // Not the stream's own close: it comes only when the wait for the next event is over.
    connection.once('close', () => {
      this.#streams -= 1;
      forget();
      end();
    });
    return stream;
  }

  beat(): void {
    for (const session of this.#sessions) session.beat();
  }

  closeAll(): void {
    for (const session of this.#sessions) session.close(CLOSE.goingAway, 'going away');
  }
}

async function* eventTexts(frames: AsyncIterable<Frame>): AsyncGenerator<string, void> {
  for await (const frame of frames) yield serverSentEvent(frame.text, frame.instanceId);
}

export default fp(
  async (app) => {
    const feed = new Feed(app);
    app.decorate('feed', feed);
    app.metrics.gauge('paxmesh_feed_followers', 'Followers connected to this node', () => feed.followers);
    app.lifecycle.onClosing(() => feed.closeAll());
    const timer = setInterval(() => feed.beat(), BEAT_MS);
    timer.unref();
    app.addHook('onClose', async () => clearInterval(timer));
  },
  { name: 'feed', dependencies: ['edge', 'lifecycle', 'metrics', 'websocket'] },
);
