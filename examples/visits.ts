// A state machine with a shadow: checkpoints come from a second copy of it, so it is never asked to hold still for one, and its
// snapshot needs no copy of the map. One node in this process; docs/machines.md explains the class.
//   node dist/examples/visits.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import { type Applied, type Command, paxmesh, type StateMachine } from 'paxmesh';

const written: string[] = [];

class Visits implements StateMachine {
  readonly name = 'visits';
  readonly #kind: string;
  #pages = new Map<string, number>();

  constructor(kind = 'the machine') {
    this.#kind = kind;
  }

  apply({ bytes }: Command): Applied {
    const page = Buffer.from(bytes).toString();
    const visits = (this.#pages.get(page) ?? 0) + 1;
    this.#pages.set(page, visits);
    return { result: visits };
  }

  query = (page: unknown) => this.#pages.get(String(page)) ?? 0;
  shadow = () => new Visits('its shadow');

  *snapshot() {
    written.push(this.#kind);
    for (const row of this.#pages) yield Buffer.from(`${JSON.stringify(row)}\n`);
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const lines = (await text(parts)).split('\n').slice(0, -1);
    const pages = new Map<string, number>(lines.map((line) => JSON.parse(line)));
    return () => {
      this.#pages = pages;
    };
  }
}

const PORT = Number(process.env.PORT ?? 7401);
const directory = await mkdtemp(join(tmpdir(), 'visits-'));

async function open() {
  const app = Fastify();
  const members = `a=http://127.0.0.1:${PORT}`;
  await app.register(paxmesh, { node: 'a', members, store: `embedded:${directory}`, machines: [new Visits()] });
  await app.listen({ host: '127.0.0.1', port: PORT });
  return { app, site: app.paxmesh.group('main') };
}

const before = await open();
for (let round = 1; round <= 2; round++) {
  const visits = Array.from({ length: 1000 }, (_, i) => ({ machine: 'visits', value: `/page-${i % 100}` }));
  await before.site.batch(visits);
  const { instanceId } = await before.site.orders.takeCheckpoint();
  console.log(`${1000 * round} visits, written down through instance ${instanceId} by ${written.at(-1)}`);
}
await before.app.close();

const after = await open();
const { answer } = await after.site.read('visits', '/page-7');
console.log(`after a restart: ${answer} visits of /page-7`);
await after.app.close();
await rm(directory, { recursive: true });
