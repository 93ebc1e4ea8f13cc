// `paxmesh master`: shows who holds the lease of a group, and moves it.
import { parseClient, print } from './client.js';
import { UsageError } from './errors.js';

interface Master {
  readonly node: string | null;
  readonly url: string | null;
  readonly version: number | null;
  readonly leaseMs: number;
  readonly expiresInMs: number | null;
}

export async function master(args: readonly string[]): Promise<void> {
  const { client, values, positionals } = parseClient(args, { 'timeout-ms': { type: 'string' } }, 2);
  const [name = 'show', word] = positionals;
  const timeoutMs = values['timeout-ms'];
  const query = timeoutMs === undefined ? '' : `?${new URLSearchParams({ timeoutMs: String(timeoutMs) })}`;
  const order = (method: string, path: string, body?: object): Promise<string> =>
    body === undefined
      ? client.request(method, client.inGroup(path + query))
      : client.request(method, client.inGroup(path + query), Buffer.from(JSON.stringify(body)), {
          'content-type': 'application/json',
        });
  const text = await ordered(name, word, order);
  if (client.json) return print(text);
  if (name === 'prefer' || name === 'prefer-none') return print(preferenceLine(JSON.parse(text)));
  const { node, url, version, leaseMs, expiresInMs } = JSON.parse(text) as Master;
  if (node === null) return print(`nobody is master; the lease is ${leaseMs} ms`);
  print(`${node} at ${url} is master since instance ${version}; lease ${leaseMs} ms, for ${expiresInMs} ms more`);
}

function preferenceLine({ node }: { readonly node: string | null }): string {
  return node === null ? 'no node is preferred' : `${node} is master whenever it can`;
}

function ordered(
  name: string,
  word: string | undefined,
  order: (method: string, path: string, body?: object) => Promise<string>,
): Promise<string> {
  const wantsWord = name === 'transfer' || name === 'prefer' || name === 'lease';
  if (wantsWord !== (word !== undefined)) {
    throw new UsageError(
      wantsWord ? `it is: master ${name} ${name === 'lease' ? 'MS' : 'ID'}` : `too many words: ${word}`,
    );
  }
  switch (name) {
    case 'show':
      return order('GET', '/master');
    case 'release':
      return order('DELETE', '/master');
    case 'transfer':
      return order('POST', '/master/transfer', { to: word });
    case 'prefer':
      return order('PUT', '/master/preferred', { node: word });
    case 'prefer-none':
      return order('PUT', '/master/preferred', { node: null });
    case 'lease':
      if (!/^\d{1,15}$/.test(word ?? '')) throw new UsageError(`not a number of milliseconds: ${word}`);
      return order('PUT', '/master/lease', { leaseMs: Number(word) });
    default:
      throw new UsageError(`master takes show, release, transfer, prefer, prefer-none, lease, not ${name}`);
  }
}
