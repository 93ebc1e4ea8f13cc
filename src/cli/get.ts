// `paxmesh get`: shows committed instances.
import { parseClient, print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';
import { instanceLine, pageLines } from './instance-line.js';

export async function get(args: readonly string[]): Promise<void> {
  const { client, positionals } = parseClient(args, {}, 1);
  const [first, last] = readRange(positionals[0]) ?? (await newest(client));
  if (first === last) {
    const text = await client.request('GET', client.inGroup(`/instances/${first}`));
    return print(client.json ? text : instanceLine(text));
  }
  for (let from = first; from <= last; ) {
    const text = await client.request(
      'GET',
      client.inGroup(`/instances?from=${from}&limit=${Math.min(1000, last - from + 1)}`),
    );
    const page = JSON.parse(text) as { items: unknown[]; next: number };
    if (client.json) print(text);
    else for (const line of pageLines(text)) print(line);
    if (page.items.length === 0) return;
    from = page.next;
  }
}

async function newest(client: ReturnType<typeof parseClient>['client']): Promise<[number, number]> {
  const { lastChosen } = JSON.parse(await client.request('GET', client.inGroup(''))) as { lastChosen: number };
  if (lastChosen < 0) throw new CommandFailed('nothing is committed yet');
  return [lastChosen, lastChosen];
}

/** `5`, `5..9`; null when nothing was given. */
function readRange(text: string | undefined): [number, number] | null {
  if (text === undefined) return null;
  const match = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text);
  if (match === null) throw new UsageError(`not an instance or a range of instances: ${text}`);
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (last < first) throw new UsageError(`the range ${text} is empty`);
  return [first, last];
}
