// `paxmesh feed`: follows commits until it is interrupted. It resumes where it was when the connection breaks, so no
// instance is shown twice and none is left out; a node that was there is waited for for as long as it is away. One that never
// was is given up: the address may be wrong.
import { WebSocket } from 'ws';
import { type Client, parseClient, print } from './client.js';
import { CommandFailed } from './errors.js';
import { instanceLine } from './instance-line.js';

const RETRY_MS = 500;
/** In a row, before it gives up or says that it waits. */
const FAILURES_MAX = 20;
/** Closed by the node for a reason that another try does not change. */
const FINAL_CODES = new Set([4400, 4401, 4403, 4404, 4410]);

export async function feed(args: readonly string[]): Promise<void> {
  const options = {
    from: { type: 'string', default: 'now' },
    system: { type: 'boolean', default: false },
    machines: { type: 'string' },
  } as const;
  const { client, values } = parseClient(args, options);
  let from = String(values['from']);
  let failures = 0;
  let wasThere = false;
  for (;;) {
    const query = new URLSearchParams({ from, system: String(values['system']) });
    if (values['machines'] !== undefined) query.set('machines', String(values['machines']));
    const seen = await followOnce(client, query);
    if (seen.next !== null) {
      from = String(seen.next);
      failures = 0;
      wasThere = true;
    } else if (++failures === FAILURES_MAX) {
      const why = `cannot reach ${client.url.origin}: ${seen.reason}`;
      if (!wasThere) throw new CommandFailed(why);
      process.stderr.write(`paxmesh: ${why}; trying on\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

interface Seen {
  /** Where to go on; null when the connection gave nothing. */
  readonly next: number | null;
  readonly reason: string;
}

interface Frame {
  readonly type: string;
  readonly instanceId?: number;
  readonly from?: number;
  readonly firstKept?: number;
}

function followOnce(client: Client, query: URLSearchParams): Promise<Seen> {
  const url = new URL(client.inGroup(`/feed?${query}`), client.url);
  url.protocol = url.protocol.replace('http', 'ws');
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: client.headers });
    let next: number | null = null;
    let reason = 'closed';
    socket.on('message', (data) => {
      const text = String(data);
      const frame = JSON.parse(text) as Frame;
      if (frame.type === 'hello') next = frame.from ?? null;
      if ((frame.type === 'commit' || frame.type === 'bookmark') && frame.instanceId !== undefined)
        next = frame.instanceId + 1;
      if (client.json) print(text);
      else if (frame.type === 'commit') print(instanceLine(text));
      else if (frame.type === 'gap') print(`(instances before ${frame.firstKept} are no longer kept)`);
    });
    socket.on('unexpected-response', (_request, answer) => {
      reject(new CommandFailed(`the node answered ${answer.statusCode}`));
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', (code, why) => {
      if (FINAL_CODES.has(code)) reject(new CommandFailed(`the node closed the feed: ${code} ${why}`));
      else resolve({ next, reason });
    });
  });
}
