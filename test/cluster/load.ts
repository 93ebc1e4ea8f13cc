// Closed-loop HTTP clients that write down what they were told. A value is unique, so the log can be asked later what
// became of it: acknowledged (where), refused with outcome none, or unknown.
import { pause, READY_MS } from './node-process.js';

export type Told =
  | { readonly type: 'acknowledged'; readonly instanceId: number; readonly index: number; readonly by: string }
  | { readonly type: 'none' | 'unknown'; readonly code: string; readonly by: string };

export interface Call {
  readonly value: string;
  /** The last answer. */
  readonly told: Told;
  /** How many times it was sent. */
  readonly tries?: number;
}

export interface LoadOptions {
  readonly urls: readonly string[];
  readonly clients?: number;
  /** Retries a value with its idempotency key, on the next node, until it is acknowledged. Others stay with their node. */
  readonly retries?: boolean;
  readonly timeoutMs?: number;
  readonly thinkMs?: number;
  /** Bytes of padding in each value. */
  readonly padding?: number;
}

const DRAINING_MS = 1000;
/** Over the time limit of a call: how long its answer may be under way on a busy machine. */
const ANSWER_MS = 30_000;
/** The same for clients that go on to the next value, or node, when one stands still. */
const NEXT_MS = 3000;

let loads = 0;

/** One POST, and what it told. A connection that was refused did nothing; one that broke may have done anything. */
export async function post(
  url: string,
  body: string,
  key: string | null,
  timeoutMs = 20_000,
  answerMs = ANSWER_MS,
): Promise<Told> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (key !== null) headers['idempotency-key'] = key;
  try {
    const answer = await fetch(`${url}/v1/groups/main/proposals?timeoutMs=${timeoutMs}`, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs + answerMs),
    });
    const json = (await answer.json()) as {
      instanceId: number;
      index: number;
      code: string;
      outcome: 'none' | 'unknown';
    };
    if (answer.status === 201) {
      return { type: 'acknowledged', instanceId: json.instanceId, index: json.index, by: url };
    }
    if (json.outcome !== 'none' && json.outcome !== 'unknown') throw new Error(`no outcome in ${JSON.stringify(json)}`);
    return { type: json.outcome, code: `${answer.status} ${json.code}`, by: url };
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: { code?: string } };
    if (message.startsWith('no outcome')) throw error;
    const code = cause?.code ?? name;
    return { type: code === 'ECONNREFUSED' ? 'none' : 'unknown', code, by: url };
  }
}

export class Load {
  readonly calls: Call[] = [];
  readonly #options: LoadOptions;
  readonly #name = `load${loads++}-${process.pid}`;
  readonly #clients: Promise<void>[];
  #running = true;
  #isLast = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { clients = 6 } = options;
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(client));
  }

  get acknowledged(): readonly Call[] {
    return this.calls.filter(({ told }) => told.type === 'acknowledged');
  }

  told(type: Told['type']): readonly Call[] {
    return this.calls.filter((call) => call.told.type === type);
  }

  /** Waits for further acknowledgements, so that a fault falls into real traffic. */
  async progress(count: number, by?: string): Promise<void> {
    const seen = () => this.acknowledged.filter(({ told }) => by === undefined || told.by === by).length;
    const wanted = seen() + count;
    const until = performance.now() + READY_MS;
    while (seen() < wanted) {
      if (performance.now() > until) {
        const last = this.calls.slice(-5).map(({ told }) => JSON.stringify(told));
        throw new Error(`no ${count} further acknowledgements in ${READY_MS} ms; the last answers: ${last.join(' ')}`);
      }
      await pause(10);
    }
  }

  close(): Promise<void> {
    return this.stop();
  }

  /** Every client gets its present value through, and sends no more. */
  async finish(): Promise<void> {
    this.#isLast = true;
    await Promise.all(this.#clients);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  async #run(client: number): Promise<void> {
    const { urls, retries = false, timeoutMs = 5000, thinkMs = 2, padding = 0 } = this.#options;
    let at = client;
    for (let n = 0; this.#running && !this.#isLast; n++) {
      const value = JSON.stringify({ from: `${this.#name}.${client}`, n, pad: 'x'.repeat(padding) });
      const key = retries ? `${this.#name}.${client}.${n}` : null;
      let told: Told;
      let mayStand = false;
      let tries = 0;
      for (;;) {
        tries++;
        told = await post(urls[at % urls.length] ?? '', value, key, timeoutMs, NEXT_MS);
        if (told.type === 'acknowledged') break;
        mayStand ||= told.type === 'unknown';
        // A node that goes says when to come again.
        await pause(told.code === '503 draining' ? DRAINING_MS : 20);
        if (!retries || !this.#running) break;
        at++;
      }
      if (told.type === 'none' && mayStand) told = { ...told, type: 'unknown' };
      this.calls.push({ value, told, tries });
      await pause(thinkMs);
    }
  }
}
