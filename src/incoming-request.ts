// A request that asks for another protocol than WebSocket (clients that speak HTTP/2 offer h2c with their first request)
// is answered as if it had not asked, which HTTP allows. Without this node:http would hand every such request to the
// WebSocket server, its body unread, because that one listens for upgrades.
import { IncomingMessage } from 'node:http';

export class IncomingRequest extends IncomingMessage {
  // Set by node:http for every request, in the constructor first of all: no field of this class would exist by then. Only
  // the rare request that asks pays for a property of its own.
  set upgrade(asked: boolean | null) {
    if (asked !== true) return;
    Object.defineProperty(this, 'upgradeAsked', { value: true, configurable: true });
  }

  get upgrade(): boolean {
    const { upgradeAsked } = this as { readonly upgradeAsked?: true };
    return upgradeAsked === true && this.headers.upgrade?.toLowerCase() === 'websocket';
  }
}
