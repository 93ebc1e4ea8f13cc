// Bearer tokens with roles, when the node was given any. Each route names the role it needs in `config.role`; one that
// names none needs `read` for GET and `admin` for the rest, so that a forgotten line never opens a door.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Token, TokenRole } from '../../src/config.js';
import { PaxmeshError } from '../../src/engine/errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `open`: no token needed. */
    role?: TokenRole | 'open';
  }
}

interface AuthOptions {
  readonly tokens: readonly Token[];
}

const RANK: Readonly<Record<TokenRole, number>> = { read: 1, write: 2, admin: 3 };

export default fp<AuthOptions>(
  async (app, { tokens }) => {
    if (tokens.length === 0) return;
    app.addHook('onRequest', (request, _reply, done) => {
      const needed = roleOf(request);
      if (needed === 'open') return done();
      const held = holder(tokens, request.headers.authorization);
      if (held === null)
        return done(new PaxmeshError('unauthenticated', 'Send a token of this node as Authorization: Bearer …'));
      if (RANK[held.role] >= RANK[needed]) return done();
      done(new PaxmeshError('forbidden', `This needs the role ${needed}; the token has ${held.role}`));
    });
  },
  { name: 'auth' },
);

function roleOf(request: FastifyRequest): TokenRole | 'open' {
  if (request.is404) return 'read';
  return request.routeOptions.config.role ?? (request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'admin');
}

/** Every token is compared, in constant time, whichever matches. */
function holder(tokens: readonly Token[], header: string | undefined): Token | null {
  const [, presented] = /^bearer +([\x21-\x7e]+)$/i.exec(header ?? '') ?? [];
  if (presented === undefined) return null;
  const digest = createHash('sha256').update(presented).digest();
  let found: Token | null = null;
  for (const token of tokens) {
    if (timingSafeEqual(token.digest, digest)) found = token;
  }
  return found;
}
