// A load generator that costs little: raw keep-alive sockets, one request in flight on each, a prepared request, answers
// recognised by status and length. Counts only the statuses it was told mean success.
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  /** Connections are spread over these. */
  readonly targets: readonly URL[];
  readonly connections: number;
  /** POST when absent. */
  readonly method?: 'POST' | 'GET' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly durationMs: number;
  /** Ends it before its time. */
  readonly enough?: Promise<unknown>;
}

export interface LoadResult {
  readonly count: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  let failures = 0;
  const start = performance.now();
  const end = start + options.durationMs;
  let isOver = false;
  const finish = () => {
    isOver = true;
  };
  options.enough?.then(finish, finish);
  await Promise.all(
    Array.from({ length: options.connections }, (_, place) => {
      const target = options.targets[place % options.targets.length];
      if (target === undefined) throw new RangeError('no target');
      return drive(
        target,
        options,
        (now) => isOver || now >= end,
        (status, ms) => {
          if (status === options.status) latencies.push(ms);
          else failures++;
        },
      );
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    count: sorted.length,
    failures,
    perSecond: sorted.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

function drive(
  target: URL,
  { method = 'POST', path, headers, body }: LoadOptions,
  isOver: (now: number) => boolean,
  answered: (status: number, ms: number) => void,
): Promise<void> {
  const lines = Object.entries({ host: target.host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  const request = Buffer.from(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    let pending = '';
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('data', (chunk: string) => {
      pending = pending === '' ? chunk : pending + chunk;
      const head = pending.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /content-length: (\d+)/i.exec(pending.slice(0, head));
      if (length === null || pending.length < head + 4 + Number(length[1])) return;
      const now = performance.now();
      answered(Number(pending.slice(9, 12)), now - sentAt);
      pending = '';
      if (isOver(now)) socket.end();
      else send();
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });
}
