// `paxmesh members`: shows who belongs to a group, and changes it. What it prints is the membership after the change.
import { parseClient, print } from './client.js';
import { UsageError } from './errors.js';
import { type MemberShown, memberLine } from './member-line.js';

interface Order {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

interface Given {
  readonly words: readonly string[];
  readonly role: string | undefined;
}

const at = (id: string | undefined): string => `/members/${encodeURIComponent(id ?? '')}`;

/** How many words each takes, and what it asks for. */
const ORDERS: Readonly<
  Record<string, readonly [words: string, min: number, max: number, make: (given: Given) => Order]>
> = {
  list: ['', 0, 0, () => ({ method: 'GET', path: '/members' })],
  add: [
    'ID ADDRESS',
    2,
    2,
    ({ words: [id, url], role }) => ({ method: 'POST', path: '/members', body: { id, url, role } }),
  ],
  set: ['ID [ADDRESS]', 1, 2, ({ words: [id, url], role }) => ({ method: 'PATCH', path: at(id), body: { url, role } })],
  remove: ['ID', 1, 1, ({ words: [id] }) => ({ method: 'DELETE', path: at(id) })],
  replace: [
    'OLD ID ADDRESS',
    3,
    3,
    ({ words: [old, id, url] }) => ({ method: 'POST', path: `${at(old)}/replace`, body: { id, url } }),
  ],
  readmit: ['ID', 1, 1, ({ words: [id] }) => ({ method: 'POST', path: `${at(id)}/readmit` })],
};

export async function members(args: readonly string[]): Promise<void> {
  const options = {
    role: { type: 'string' },
    force: { type: 'boolean', default: false },
    'if-match': { type: 'string' },
    'timeout-ms': { type: 'string' },
  } as const;
  const { client, values, positionals } = parseClient(args, options, 4);
  const [name = 'list', ...words] = positionals;
  const order = Object.hasOwn(ORDERS, name) ? ORDERS[name] : undefined;
  if (order === undefined) throw new UsageError(`members takes ${Object.keys(ORDERS).join(', ')}, not ${name}`);
  const [wanted, min, max, make] = order;
  if (words.length < min || words.length > max) throw new UsageError(`it is: members ${`${name} ${wanted}`.trimEnd()}`);
  const role = values['role'] === undefined ? undefined : String(values['role']);
  const { method, path, body } = make({ words, role });
  const query = new URLSearchParams();
  if (values['force'] === true) query.set('force', 'true');
  if (values['timeout-ms'] !== undefined) query.set('timeoutMs', String(values['timeout-ms']));
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (values['if-match'] !== undefined) headers['if-match'] = `"${values['if-match']}"`;
  const search = query.size === 0 ? '' : `?${query}`;
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const text = await client.request(method, client.inGroup(`${path}${search}`), bytes, headers);
  if (client.json) return print(text);
  const after = JSON.parse(text) as { gid: string | null; version: number; members: readonly MemberShown[] };
  print(`group ${client.group}  gid ${after.gid ?? '-'}  version ${after.version}`);
  for (const member of after.members) print(memberLine(member));
}
