// How the text of a single setting is read. Each reader throws ConfigError naming its variable; content that may carry a
// secret is never repeated.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, StoreSetting, Token, TokenRole } from './config.js';
import { httpOrigin } from './http-origin.js';

/** A setting cannot be used. The message is one line and says what to change. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Texts by the name behind PAXMESH_. */
export type Settings = ReadonlyMap<string, string>;

const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const GROUPS_MAX = 200;

export const list = (text: string | undefined): string[] =>
  text === undefined ? [] : text.split(',').map((item) => item.trim());

export function checkName(variable: string, name: string): void {
  if (!NAME_PATTERN.test(name)) {
    throw new ConfigError(
      `${variable}: "${name.slice(0, 80)}" must be 1 to 63 of a-z, 0-9 and -, and not begin with -`,
    );
  }
}

function checkUnique(variable: string, what: string, items: readonly string[]): void {
  const twice = items.find((item, index) => items.indexOf(item) !== index);
  if (twice !== undefined) throw new ConfigError(`${variable}: ${what} ${twice} is given twice`);
}

export function readListen(text: string): Config['listen'] {
  const [, host = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === '' || port > 65_535)
    throw new ConfigError(`PAXMESH_LISTEN: "${text.slice(0, 80)}" must be host:port, such as 127.0.0.1:7001`);
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  // One socket on one address: listening on a name opens a second socket that does not close with the first.
  return { host: address === 'localhost' ? '127.0.0.1' : address, port };
}

export function readAdvertised(text: string | undefined, { host, port }: Config['listen'], tls: boolean): string {
  if (text !== undefined) return readUrl('PAXMESH_URL_ADVERTISED', text);
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** An http(s) origin. Refused URLs are not repeated: they may hold a password. */
export function readUrl(variable: string, text: string): string {
  const origin = httpOrigin(text);
  if (origin === null) {
    throw new ConfigError(`${variable} must hold URLs of the form http://host:port or https://host:port, nothing more`);
  }
  return origin;
}

export function readMembers(text: string | undefined): Config['members'] {
  const members = list(text).map((entry) => {
    const equals = entry.indexOf('=');
    if (equals < 1)
      throw new ConfigError(
        'PAXMESH_MEMBERS must be id=URL entries with commas between, such as a=http://127.0.0.1:7001',
      );
    const id = entry.slice(0, equals);
    checkName('PAXMESH_MEMBERS', id);
    return { id, url: readUrl('PAXMESH_MEMBERS', entry.slice(equals + 1)) };
  });
  checkUnique(
    'PAXMESH_MEMBERS',
    'member',
    members.map(({ id }) => id),
  );
  checkUnique(
    'PAXMESH_MEMBERS',
    'address',
    members.map(({ url }) => url),
  );
  return members;
}

export function readGroups(text: string): readonly string[] {
  const groups = list(text);
  for (const group of groups) checkName('PAXMESH_GROUPS', group);
  checkUnique('PAXMESH_GROUPS', 'group', groups);
  if (groups.length > GROUPS_MAX) throw new ConfigError(`PAXMESH_GROUPS: at most ${GROUPS_MAX} groups`);
  return groups;
}

export function readStore(text: string): StoreSetting {
  if (text === 'memory:') return { kind: 'memory' };
  if (text.startsWith('embedded:') && text.length > 'embedded:'.length)
    return { kind: 'embedded', directory: text.slice('embedded:'.length) };
  if (/^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '')
    return { kind: 'redis', url: text };
  throw new ConfigError('PAXMESH_STORE must be embedded:DIR, redis://host:port, rediss://host:port or memory:');
}

export function readInteger(settings: Settings, setting: string, fallback: number, min: number, max: number): number {
  const text = settings.get(setting);
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new ConfigError(`PAXMESH_${setting}: "${text.slice(0, 40)}" must be an integer from ${min} to ${max}`);
}

export function readTokens(text: string | undefined): readonly Token[] {
  const tokens = list(text).map((entry) => {
    const [, name, role, token] = /^([^:]+):(read|write|admin):([\x21-\x7e]+)$/.exec(entry) ?? [];
    if (name === undefined || token === undefined) {
      throw new ConfigError(
        'PAXMESH_TOKENS must be name:role:token entries with commas between; roles are admin, write and read',
      );
    }
    return { name, role: role as TokenRole, digest: createHash('sha256').update(token).digest() };
  });
  checkUnique(
    'PAXMESH_TOKENS',
    'name',
    tokens.map(({ name }) => name),
  );
  if (new Set(tokens.map(({ digest }) => digest.toString('hex'))).size < tokens.length) {
    throw new ConfigError('PAXMESH_TOKENS: two entries have the same token');
  }
  return tokens;
}

export function readTls(settings: Settings): Config['tls'] {
  const cert = readPem(settings, 'TLS_CERT');
  const key = readPem(settings, 'TLS_KEY');
  const ca = readPem(settings, 'TLS_CA');
  if (cert === null && key === null && ca === null) return null;
  if (cert === null || key === null)
    throw new ConfigError(
      `PAXMESH_TLS_${cert === null ? 'CERT' : 'KEY'} is missing: TLS needs both a certificate and its key`,
    );
  try {
    createSecureContext({ cert, key, ...(ca === null ? {} : { ca }) });
  } catch {
    throw new ConfigError(
      'PAXMESH_TLS_CERT, PAXMESH_TLS_KEY and PAXMESH_TLS_CA must be PEM files, and the key must belong to the certificate',
    );
  }
  return { cert, key, ca };
}

function readPem(settings: Settings, setting: string): string | null {
  const path = settings.get(setting);
  if (path === undefined) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`PAXMESH_${setting}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
