// Settings: environment and `serve` flags to one frozen Config. Every setting that is not as it should be is refused
// here, with one line that names it. Messages never hold the content of a setting that may carry a secret.
import { parseArgs } from 'node:util';
import {
  ConfigError,
  checkName,
  list,
  readAdvertised,
  readGroups,
  readInteger,
  readListen,
  readMembers,
  readStore,
  readTls,
  readTokens,
  readUrl,
} from './setting-readers.js';

export { ConfigError };

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

const LOG_LEVELS: readonly string[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
const VALUE_BYTES_CEILING = 64 * 1024 * 1024;

export const SETTINGS = [
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
export type Setting = (typeof SETTINGS)[number];

/** What was given, as texts, wherever it was given. */
export interface Given {
  readonly settings: ReadonlyMap<Setting, string>;
  readonly allowUnsafeStore: boolean;
  readonly insecure: boolean;
  /** There is no API that others could reach without a token. */
  readonly isClosed?: boolean;
}

/** Read by the client commands, so `serve` meets it in the same environment. */
const CLIENT_VARIABLES: readonly string[] = ['PAXMESH_URL'];

/** Throws ConfigError. A flag wins over its variable; an empty variable counts as not set. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, flags: readonly string[] = []): Config {
  return configOf(gather(env, flags));
}

/** Throws ConfigError; it names a setting by its variable. */
export function configOf(given: Given): Config {
  const { settings, allowUnsafeStore, insecure } = given;
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
  checkTogether(config, given.isClosed === true);
  return Object.freeze(config);
}

function gather(env: Readonly<Record<string, string | undefined>>, flags: readonly string[]): Given {
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

function checkTogether(config: Config, isClosed: boolean): void {
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
    ...(config.tokens.length === 0 && !isClosed ? ['PAXMESH_TOKENS'] : []),
  ];
  if (missing.length === 0) return;
  throw new ConfigError(
    `PAXMESH_LISTEN ${listen.host} can be reached from other machines: set ${missing.join(' and ')}, or add --insecure to do without`,
  );
}

export function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';
}
