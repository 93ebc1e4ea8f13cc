// Settings: environment and `serve` flags to one frozen Config. Every setting that is not as it should be is refused
// here, with one line that names it. Messages never hold the content of a setting that may carry a secret.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { parseArgs } from 'node:util';

export type TokenRole = 'read' | 'write' | 'admin';

export interface Token {
  readonly name: string;
  readonly role: TokenRole;
  /** SHA-256 of the token; the token itself is not kept. */
  readonly digest: Buffer;
}

export type StoreSetting =
  | { readonly kind: 'embedded'; readonly directory: string }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'memory' };

export interface Config {
  readonly node: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly urlAdvertised: string;
  /** Founding members; empty: wait to be added. */
  readonly members: readonly { readonly id: string; readonly url: string }[];
  readonly seeds: readonly string[];
  readonly groups: readonly string[];
  readonly store: StoreSetting;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  readonly valueBytesMax: number;
  readonly clusterSecret: string | null;
  readonly tokens: readonly Token[];
  /** PEM texts. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | null } | null;
  readonly logLevel: string;
  readonly allowUnsafeStore: boolean;
  readonly insecure: boolean;
}

/** A setting cannot be used. The message is one line and says what to change. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const LOG_LEVELS: readonly string[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
const GROUPS_MAX = 200;
const VALUE_BYTES_CEILING = 64 * 1024 * 1024;

const SETTINGS = [
  'NODE',
  'LISTEN',
  'URL_ADVERTISED',
  'MEMBERS',
  'SEEDS',
  'GROUPS',
  'STORE',
  'LEASE_MS',
  'TIMEOUT_MS',
  'VALUE_BYTES_MAX',
  'CLUSTER_SECRET',
  'TOKENS',
  'TLS_CERT',
  'TLS_KEY',
  'TLS_CA',
  'LOG_LEVEL',
] as const;
type Setting = (typeof SETTINGS)[number];
type Settings = ReadonlyMap<Setting, string>;

/** Read by the client commands, so `serve` meets it in the same environment. */
const CLIENT_VARIABLES: readonly string[] = ['PAXMESH_URL'];

/** Throws ConfigError. A flag wins over its variable; an empty variable counts as not set. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, flags: readonly string[] = []): Config {
  const { settings, allowUnsafeStore, insecure } = gather(env, flags);
  const node = settings.get('NODE');
  if (node === undefined) throw new ConfigError('PAXMESH_NODE is required: the id of this node, such as a');
  checkName('PAXMESH_NODE', node);
  const tls = readTls(settings);
  const listen = readListen(settings.get('LISTEN') ?? '127.0.0.1:7001');
  const members = readMembers(settings.get('MEMBERS'));
  const config: Config = {
    node,
    listen,
    urlAdvertised: readAdvertised(settings.get('URL_ADVERTISED'), listen, tls !== null),
    members,
    seeds: list(settings.get('SEEDS')).map((url) => readUrl('PAXMESH_SEEDS', url)),
    groups: readGroups(settings.get('GROUPS') ?? 'main'),
    store: readStore(settings.get('STORE') ?? `embedded:.paxmesh/${node}`),
    leaseMs: readInteger(settings, 'LEASE_MS', 10_000, 1000, 3_600_000),
    timeoutMs: readInteger(settings, 'TIMEOUT_MS', 5000, 1, 60_000),
    valueBytesMax: readInteger(settings, 'VALUE_BYTES_MAX', 10_485_760, 1, VALUE_BYTES_CEILING),
    clusterSecret: settings.get('CLUSTER_SECRET') ?? null,
    tokens: readTokens(settings.get('TOKENS')),
    tls,
    logLevel: settings.get('LOG_LEVEL') ?? 'info',
    allowUnsafeStore,
    insecure,
  };
  checkTogether(config);
  return Object.freeze(config);
}

function gather(env: Readonly<Record<string, string | undefined>>, flags: readonly string[]) {
  const settings = new Map<Setting, string>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('PAXMESH_') || CLIENT_VARIABLES.includes(variable)) continue;
    const setting = SETTINGS.find((name) => `PAXMESH_${name}` === variable);
    if (setting === undefined) {
      throw new ConfigError(
        `${variable} is not a setting of Paxmesh; known are ${SETTINGS.map((name) => `PAXMESH_${name}`).join(', ')}`,
      );
    }
    if (value !== undefined && value !== '') settings.set(setting, value);
  }
  const values = readFlags(flags);
  for (const setting of SETTINGS) {
    const value = values[flagOf(setting)];
    if (value === '') settings.delete(setting);
    else if (typeof value === 'string') settings.set(setting, value);
  }
  return { settings, allowUnsafeStore: values['allow-unsafe-store'] === true, insecure: values.insecure === true };
}

const flagOf = (setting: Setting): string => setting.toLowerCase().replaceAll('_', '-');

function readFlags(flags: readonly string[]): Readonly<Record<string, unknown>> {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    'allow-unsafe-store': { type: 'boolean' },
    insecure: { type: 'boolean' },
  };
  for (const setting of SETTINGS) options[flagOf(setting)] = { type: 'string' };
  try {
    return parseArgs({ args: [...flags], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
      throw new ConfigError('serve takes flags only, such as --node a');
    throw new ConfigError(message.split(/\. |\n/)[0] ?? message);
  }
}

function checkTogether(config: Config): void {
  const { node, members, seeds, listen, store } = config;
  if (!LOG_LEVELS.includes(config.logLevel))
    throw new ConfigError(`PAXMESH_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  if (members.length > 0 && seeds.length === 0 && !members.some(({ id }) => id === node)) {
    throw new ConfigError(
      `PAXMESH_MEMBERS does not name this node, ${node}: add ${node}=URL, or set PAXMESH_SEEDS if it shall be added to a running cluster`,
    );
  }
  if (store.kind === 'memory' && !config.allowUnsafeStore) {
    throw new ConfigError(
      'PAXMESH_STORE memory: keeps nothing over a restart; use embedded:DIR or redis://…, or add --allow-unsafe-store',
    );
  }
  if (isLoopback(listen.host) || config.insecure) return;
  const missing = [
    ...(config.clusterSecret === null ? ['PAXMESH_CLUSTER_SECRET'] : []),
    ...(config.tokens.length === 0 ? ['PAXMESH_TOKENS'] : []),
  ];
  if (missing.length === 0) return;
  throw new ConfigError(
    `PAXMESH_LISTEN ${listen.host} can be reached from other machines: set ${missing.join(' and ')}, or add --insecure to do without`,
  );
}

function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';
}

const list = (text: string | undefined): string[] =>
  text === undefined ? [] : text.split(',').map((item) => item.trim());

function checkName(variable: string, name: string): void {
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

function readListen(text: string): Config['listen'] {
  const [, host = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === '' || port > 65_535)
    throw new ConfigError(`PAXMESH_LISTEN: "${text.slice(0, 80)}" must be host:port, such as 127.0.0.1:7001`);
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  // One socket on one address: listening on a name opens a second socket that does not close with the first.
  return { host: address === 'localhost' ? '127.0.0.1' : address, port };
}

function readAdvertised(text: string | undefined, { host, port }: Config['listen'], tls: boolean): string {
  if (text !== undefined) return readUrl('PAXMESH_URL_ADVERTISED', text);
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** An http(s) origin. Refused URLs are not repeated: they may hold a password. */
function readUrl(variable: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain =
    url !== null &&
    url.username === '' &&
    url.password === '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '';
  if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new ConfigError(`${variable} must hold URLs of the form http://host:port or https://host:port, nothing more`);
  }
  return url.origin;
}

function readMembers(text: string | undefined): Config['members'] {
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

function readGroups(text: string): readonly string[] {
  const groups = list(text);
  for (const group of groups) checkName('PAXMESH_GROUPS', group);
  checkUnique('PAXMESH_GROUPS', 'group', groups);
  if (groups.length > GROUPS_MAX) throw new ConfigError(`PAXMESH_GROUPS: at most ${GROUPS_MAX} groups`);
  return groups;
}

function readStore(text: string): StoreSetting {
  if (text === 'memory:') return { kind: 'memory' };
  if (text.startsWith('embedded:') && text.length > 'embedded:'.length)
    return { kind: 'embedded', directory: text.slice('embedded:'.length) };
  if (/^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== '')
    return { kind: 'redis', url: text };
  throw new ConfigError('PAXMESH_STORE must be embedded:DIR, redis://host:port, rediss://host:port or memory:');
}

function readInteger(settings: Settings, setting: Setting, fallback: number, min: number, max: number): number {
  const text = settings.get(setting);
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new ConfigError(`PAXMESH_${setting}: "${text.slice(0, 40)}" must be an integer from ${min} to ${max}`);
}

function readTokens(text: string | undefined): readonly Token[] {
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

function readTls(settings: Settings): Config['tls'] {
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

function readPem(settings: Settings, setting: Setting): string | null {
  const path = settings.get(setting);
  if (path === undefined) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`PAXMESH_${setting}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
