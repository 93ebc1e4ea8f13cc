// How the bodies of orders (members, master) arrive: small JSON, and for orders that need none, nothing, whatever the
// Content-Type says of it.
import type { FastifyInstance } from 'fastify';
import { invalidRequest, PaxmeshError } from './problem.js';

/** An order holds a name and an address or two. */
export const ORDER_BYTES_MAX = 16 * 1024;

/** For the routes registered in this scope. */
export function takeOrders(app: Pick<FastifyInstance, 'removeAllContentTypeParsers' | 'addContentTypeParser'>): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      done(invalidRequest('The body is not well-formed JSON'));
    }
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    done(new PaxmeshError('unsupported-encoding', 'Send the body as application/json'));
  });
}
