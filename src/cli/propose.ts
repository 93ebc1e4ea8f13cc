// `paxmesh propose`: commits one value and prints where it stands.
import { readFileSync } from 'node:fs';
import { parseClient, print } from './client.js';
import { CommandFailed } from './errors.js';

export async function propose(args: readonly string[]): Promise<void> {
  const options = {
    machine: { type: 'string' },
    text: { type: 'boolean' },
    key: { type: 'string' },
    'timeout-ms': { type: 'string' },
  } as const;
  const { client, values, positionals } = parseClient(args, options, 1);
  const [given] = positionals;
  const body = given === undefined ? readFileSync(0) : Buffer.from(given);
  const headers: Record<string, string> = {
    'content-type': values['text'] === true ? 'text/plain; charset=utf-8' : contentTypeOf(body),
  };
  if (values['machine'] !== undefined) headers['paxmesh-machine'] = String(values['machine']);
  if (values['key'] !== undefined) headers['idempotency-key'] = String(values['key']);
  const query =
    values['timeout-ms'] === undefined ? '' : `?timeoutMs=${encodeURIComponent(String(values['timeout-ms']))}`;
  const text = await client.request('POST', client.inGroup(`/proposals${query}`), body, headers);
  if (client.json) return print(text);
  const answer = JSON.parse(text) as { instanceId: number; index: number; result: unknown };
  if (!Number.isSafeInteger(answer.instanceId)) throw new CommandFailed('the node answered something else');
  print(`committed at instance ${answer.instanceId}, index ${answer.index}; result ${JSON.stringify(answer.result)}`);
}

/** What parses is JSON; other text is text; the rest is bytes. */
function contentTypeOf(body: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'application/octet-stream';
  }
  try {
    JSON.parse(text);
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}
