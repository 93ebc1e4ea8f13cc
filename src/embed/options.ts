// The options of the Fastify plugin: the settings of `paxmesh serve` under the names that a program gives them, checked by the
// same code. What is wrong is refused with one line that names the option; secrets are never repeated.
import { type Config, ConfigError, configOf, SETTINGS, type Setting } from '../config.js';
import type { MachinesOption } from './machines.js';

/** Where several are meant: one text with commas between, or a list. */
export type Texts = string | readonly string[];

export interface PaxmeshOptions {
  /** This node's id: 1 to 63 of `a-z`, `0-9` and `-`, not beginning with `-`. */
  readonly node: string;
  /**
   * How peers and clients reach the host's server: an http or https origin, without a path. Absent: what `members` says of
   * this node.
   */
  readonly urlAdvertised?: string | undefined;
  /** Founding members, `a=http://10.0.0.1:3000`; used while a group has no membership of its own. Empty: wait to be added. */
  readonly members?: Texts | readonly { readonly id: string; readonly url: string }[] | undefined;
  /** Addresses of a running cluster, to be known and taught there before this node is added. */
  readonly seeds?: Texts | undefined;
  /** Default `main`. At most 200. */
  readonly groups?: Texts | undefined;
  /** `embedded:DIR` (the default, `.paxmesh/NODE`), `redis://…`, `rediss://…`, or `memory:` together with `allowUnsafeStore`. */
  readonly store?: string | undefined;
  /** Length of the master lease, 1000 to 3600000. Default 10000. */
  readonly leaseMs?: number | undefined;
  /** Deadline of a proposal that names none, 1 to 60000. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Largest value, at most 67108864; all nodes the same. Default 10485760. */
  readonly valueBytesMax?: number | undefined;
  /** Shared by the peers. Without it only this very machine may link, unless `insecure`. */
  readonly clusterSecret?: string | undefined;
  /** `name:role:token` entries for the HTTP API; roles `read`, `write`, `admin`. None: it is as open as the host lets it be. */
  readonly tokens?: Texts | undefined;
  /** PEM files for links with https members: the authority they are proved by, and what is shown to them. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  /**
   * State machines of your own. An instance serves exactly one group; with several groups give functions that make one for
   * each: `(group) => new Inventory()`.
   */
  readonly machines?: MachinesOption | undefined;
  /** Serve the HTTP API under `/v1` of the host's server. Default true. `/mesh` is there in any case. */
  readonly http?: boolean | undefined;
  /** What the paths of the HTTP API begin with, such as `/paxmesh`. `/mesh` does not move. */
  readonly prefix?: string;
  /** Told once when an invariant is broken; the node has stopped by then. Default: nothing beyond a fatal line in the log. */
  readonly onFatal?: ((error: unknown) => void) | undefined;
  /** Accept a store that may lose acknowledged writes. For tests. */
  readonly allowUnsafeStore?: boolean | undefined;
  /** Do without secret and tokens where others can reach the host. */
  readonly insecure?: boolean | undefined;
}

/** Not settings of a node, or not texts. The last three are Fastify's own. */
const BESIDES = ['machines', 'http', 'prefix', 'onFatal', 'allowUnsafeStore', 'insecure', 'logLevel', 'logSerializers'];
const NOT_HERE: readonly Setting[] = ['LISTEN', 'LOG_LEVEL'];

/** Throws ConfigError. */
export function configFrom(options: PaxmeshOptions): Config {
  const given = gather(options);
  try {
    const members = given.get('MEMBERS') ?? '';
    const own = members.split(',').find((entry) => entry.trim().startsWith(`${given.get('NODE')}=`));
    const url = given.get('URL_ADVERTISED') ?? own?.slice(own.indexOf('=') + 1);
    if (url !== undefined) {
      given.set('URL_ADVERTISED', url);
      // Where the host will listen is not known yet; who can reach it is whom it is advertised to.
      given.set('LISTEN', socketOf(url));
    } else if (given.has('NODE')) {
      throw new ConfigError('PAXMESH_URL_ADVERTISED is required: how others reach the server that this is a part of');
    }
    return configOf({
      settings: given,
      allowUnsafeStore: options.allowUnsafeStore === true,
      insecure: options.insecure === true,
      isClosed: options.http === false,
    });
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`paxmesh: ${inOptions(error.message)}`) : error;
  }
}

function gather(options: PaxmeshOptions): Map<Setting, string> {
  const settings = new Map<Setting, string>();
  for (const [name, value] of Object.entries(options)) {
    if (BESIDES.includes(name) || value === undefined) continue;
    const setting = SETTINGS.find((each) => optionOf(each) === name && !NOT_HERE.includes(each));
    if (setting === undefined) throw new ConfigError(`paxmesh: ${name} is not an option`);
    settings.set(setting, textOf(name, value));
  }
  return settings;
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value !== '') return value;
  if (!Array.isArray(value)) throw new ConfigError(`paxmesh: ${name} must be a text, a number or a list`);
  return value.map((item) => itemText(name, item)).join(',');
}

function itemText(name: string, item: unknown): string {
  const { id, url } = (typeof item === 'object' && item !== null ? item : {}) as { id?: unknown; url?: unknown };
  const text = typeof id === 'string' && typeof url === 'string' && name === 'members' ? `${id}=${url}` : item;
  if (typeof text === 'string' && text !== '' && !text.includes(',')) return text;
  throw new ConfigError(`paxmesh: ${name} must be a list of texts without commas`);
}

/** Something else than a URL is refused in its own right. */
function socketOf(url: string): string {
  const { hostname, port, protocol } = URL.canParse(url) ? new URL(url) : { hostname: '', port: '', protocol: '' };
  return `${hostname || '127.0.0.1'}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** `LEASE_MS` is `leaseMs` here. */
function optionOf(setting: string): string {
  return setting.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function inOptions(message: string): string {
  return message
    .replace('PAXMESH_LISTEN', 'PAXMESH_URL_ADVERTISED')
    .replace(/PAXMESH_([A-Z_]+)/g, (_, setting: string) => optionOf(setting))
    .replace('--allow-unsafe-store', 'allowUnsafeStore: true')
    .replace('--insecure', 'insecure: true');
}
