// Times of answers, counted in buckets and written as a Prometheus histogram. Counting is two additions: it is done for
// every answer, so it has no labels to look up and nothing to allocate.

const BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const NAME = 'paxmesh_http_request_seconds';

/** The answers of one route with one status. */
export class RequestTimes {
  readonly #labels: string;
  readonly #counts: number[] = new Array<number>(BUCKETS_SECONDS.length + 1).fill(0);
  #seconds = 0;

  constructor(method: string, route: string, status: number) {
    this.#labels = `method="${method}",route="${route}",status="${status}"`;
  }

  add(seconds: number): void {
    let bucket = 0;
    while (seconds > (BUCKETS_SECONDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#seconds += seconds;
  }

  /** Buckets in the exposition format count everything up to their bound. */
  lines(): string[] {
    let upTo = 0;
    const lines = this.#counts.map((count, bucket) => {
      upTo += count;
      return `${NAME}_bucket{le="${BUCKETS_SECONDS[bucket] ?? '+Inf'}",${this.#labels}} ${upTo}`;
    });
    return [...lines, `${NAME}_sum{${this.#labels}} ${this.#seconds}`, `${NAME}_count{${this.#labels}} ${upTo}`];
  }
}

export function requestTimesText(all: readonly RequestTimes[]): string {
  const head = [`# HELP ${NAME} Time from request to answer`, `# TYPE ${NAME} histogram`];
  return `${[...head, ...all.flatMap((times) => times.lines())].join('\n')}\n`;
}
