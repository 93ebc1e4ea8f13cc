// What a turn has to say, shipped at its end as one frame per peer. News that nobody waits for (that an instance is chosen,
// while no peer has a caller waiting for it) stays for a moment: under load it travels in the frame of the next accept,
// which saves every voter a wake-up, and its sender as many. Alone it goes after LINGER_MS.
import type { GroupId, Millis, NodeId } from '../core/ids.js';
import type { PeerMessage } from './peer-messages.js';
import type { Transport } from './ports.js';

const LINGER_MS = 1;

export class Outbox {
  readonly #transport: Transport;
  #isUrgent = false;
  /** When what waits goes at the latest; null: nothing waits. */
  #due: Millis | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  send(to: NodeId, group: GroupId, message: PeerMessage): void {
    this.#transport.send(to, group, message);
    this.#isUrgent = true;
  }

  /** May wait a moment for something to travel with. */
  sendPatiently(to: NodeId, group: GroupId, message: PeerMessage, now: Millis): void {
    this.#transport.send(to, group, message);
    this.#due ??= now + LINGER_MS;
  }

  /** When to call flush though nothing else has happened; null: no need. */
  get wakeAt(): Millis | null {
    return this.#due;
  }

  flush(now: Millis): void {
    if (!this.#isUrgent && (this.#due === null || now < this.#due)) return;
    this.#isUrgent = false;
    this.#due = null;
    this.#transport.flush();
  }
}
