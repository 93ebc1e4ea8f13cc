// What the client commands share: where the node is, how it is asked, how its answers are read. One request, no retries:
// a person at a terminal wants to see what happened.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CommandFailed, UsageError } from './errors.js';

type Options = NonNullable<ParseArgsConfig['options']>;

const COMMON = {
  url: { type: 'string' },
  group: { type: 'string', default: 'main' },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
} satisfies Options;

export interface Client {
  readonly url: URL;
  readonly group: string;
  /** Print machine-readable answers. */
  readonly json: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** The path of something in the group. */
  inGroup(path: string): string;
  /** The answer's text. Throws CommandFailed for anything but a success. */
  request(method: string, path: string, body?: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<string>;
}

export interface Parsed {
  readonly client: Client;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

export function parseClient(args: readonly string[], extra: Options = {}, positionalsMax = 0): Parsed {
  const parsed = parseArgs({ args: [...args], options: { ...COMMON, ...extra }, strict: true, allowPositionals: true });
  const values = parsed.values as Record<string, string | boolean | undefined>;
  if (parsed.positionals.length > positionalsMax)
    throw new UsageError(`too many words: ${parsed.positionals.join(' ')}`);
  return { client: clientFor(values), values, positionals: parsed.positionals };
}

function clientFor(values: Readonly<Record<string, string | boolean | undefined>>): Client {
  const given = values['url'] ?? process.env['PAXMESH_URL'] ?? 'http://127.0.0.1:7001';
  const url = readUrl(String(given));
  const headers: Record<string, string> = {};
  if (typeof values['token'] === 'string') headers['authorization'] = `Bearer ${values['token']}`;
  const group = String(values['group']);
  return {
    url,
    group,
    json: values['json'] === true,
    headers,
    inGroup: (path) => `/v1/groups/${encodeURIComponent(group)}${path}`,
    request: async (method, path, body, more = {}) => {
      const answer = await ask(url, method, path, body, { ...headers, ...more });
      const text = await answer.text();
      if (!answer.ok) throw failureOf(answer.status, text, values['json'] === true);
      return text;
    },
  };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`not an http URL: ${text}`);
  return url;
}

async function ask(
  url: URL,
  method: string,
  path: string,
  body: Uint8Array | undefined,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await fetch(new URL(path, url), { method, headers, ...(body === undefined ? {} : { body }) });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new CommandFailed(`cannot reach ${url.origin}: ${cause?.code ?? cause?.message ?? (error as Error).message}`);
  }
}

export function failureOf(status: number, text: string, json: boolean): CommandFailed {
  try {
    const problem = JSON.parse(text) as { code?: string; detail?: string; outcome?: string };
    const { code, detail, outcome } = problem;
    return new CommandFailed(
      `${code ?? status}: ${detail ?? ''} (outcome: ${outcome ?? 'unknown'})`,
      json ? text : null,
    );
  } catch {
    return new CommandFailed(`the node answered ${status}`);
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
