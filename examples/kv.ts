// Keys and values over plain HTTP. (PhxPaxos's sample PhxKV.) Needs nothing of this package, only nodes that run:
//   npm start                                                 in another terminal
//   node dist/examples/kv.js [http://127.0.0.1:7001]
const url = process.argv[2] ?? 'http://127.0.0.1:7001';
const group = `${url}/v1/groups/main`;

async function put(key: string, value: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify(value);
  return fetch(`${group}/kv/${encodeURIComponent(key)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
}

// Put and get. The ETag names the write that put the value there.
await put('lights/hall', 'off');
await put('lights/door', 'off');
const got = await fetch(`${group}/kv/${encodeURIComponent('lights/hall')}`);
const etag = got.headers.get('etag') ?? '';
console.log(`hall is ${await got.json()}`);

// Compare and set: the first takes it, the second comes too late.
const first = await put('lights/hall', 'on', { 'if-match': etag });
const second = await put('lights/hall', 'dimmed', { 'if-match': etag });
console.log(`first switch: ${first.status}, second switch: ${second.status}`);

// List, then follow from there: no change is missed, and none comes twice.
const list = await fetch(`${group}/kv?prefix=${encodeURIComponent('lights/')}`);
const { items } = (await list.json()) as { items: { key: string; value: unknown }[] };
console.log(`now: ${items.map(({ key, value }) => `${key}=${value}`).join(' ')}`);
const from = Number(list.headers.get('paxmesh-instance')) + 1;
const feed = await fetch(`${group}/events?machines=kv&from=${from}`);

await put('lights/door', 'on');
await fetch(`${group}/kv/${encodeURIComponent('lights/hall')}`, { method: 'DELETE' });

let changes = 0;
for await (const { type, values = [] } of frames(feed)) {
  if (type !== 'commit') continue;
  for (const { value } of values) {
    console.log(`change: ${value.op} ${value.key}${value.op === 'put' ? ` = ${value.value}` : ''}`);
    changes += 1;
  }
  if (changes >= 2) break;
}

interface Frame {
  readonly type: string;
  readonly values?: readonly {
    readonly value: { readonly op: string; readonly key: string; readonly value?: unknown };
  }[];
}

/** Server-Sent Events: one JSON text in each line that begins with `data:`. */
async function* frames({ body }: Response): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length)) as Frame;
  }
}
