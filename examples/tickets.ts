// A box office that sells no seat twice: an ordinary Fastify app with one route, running three times, with a state machine of
// its own inside. Thirty customers want ten seats, at all three counters at once; then a counter is closed, and the others go
// on selling.
//   node dist/examples/tickets.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import { type Applied, type Command, PaxmeshError, paxmesh, type StateMachine } from 'paxmesh';

class Seats implements StateMachine {
  readonly name = 'seats';
  #guests = new Map<string, string>();

  apply({ bytes }: Command): Applied {
    const [seat, guest, ...rest] = Buffer.from(bytes).toString().split(' ');
    // Whatever comes is answered: a machine that throws stops its group.
    if (seat === undefined || guest === undefined || rest.length > 0) return { rejected: 'say: seat guest' };
    const taken = this.#guests.get(seat);
    if (taken !== undefined) return { rejected: `${seat} is taken by ${taken}` };
    this.#guests.set(seat, guest);
    return { result: { seat, guest } };
  }

  query(): Record<string, string> {
    return Object.fromEntries(this.#guests);
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify([...this.#guests]))];
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const guests = new Map(JSON.parse(await text(parts)) as [string, string][]);
    return () => {
      this.#guests = guests;
    };
  }
}

const PORT = Number(process.env.PORT ?? 7101);
const ids = ['a', 'b', 'c'];
const members = ids.map((id, place) => ({ id, url: `http://127.0.0.1:${PORT + place}` }));
const directory = await mkdtemp(join(tmpdir(), 'tickets-'));

async function open(id: string, place: number) {
  const app = Fastify();
  await app.register(paxmesh, { node: id, members, store: `embedded:${join(directory, id)}`, machines: [new Seats()] });
  app.post<{ Params: { seat: string; guest: string } }>('/seats/:seat/:guest', async (request, reply) => {
    const { seat, guest } = request.params;
    try {
      const { result } = await app.paxmesh.group('main').propose('seats', `${seat} ${guest}`);
      return result;
    } catch (error) {
      if (!(error instanceof PaxmeshError) || error.code !== 'command-rejected') throw error;
      return reply.code(409).send({ sorry: error.message });
    }
  });
  await app.listen({ host: '127.0.0.1', port: PORT + place });
  return app;
}

const counters = await Promise.all(ids.map(open));
await Promise.all(counters.map((app) => app.paxmesh.whenReady()));

async function ask(counter: number, seat: string, guest: string): Promise<number> {
  const { status } = await fetch(`http://127.0.0.1:${PORT + counter}/seats/${seat}/${guest}`, { method: 'POST' });
  return status;
}

const asked = Array.from({ length: 30 }, (_, guest) => ask(guest % 3, `row1-${guest % 10}`, `guest${guest}`));
const answers = await Promise.all(asked);
console.log(`sold: ${answers.filter((status) => status === 200).length}`);
console.log(`turned away: ${answers.filter((status) => status === 409).length}`);

await counters[0]?.close();
console.log(
  `counter a is closed; at counter b: ${await ask(1, 'row2-0', 'late')}, at counter c: ${await ask(2, 'row2-0', 'later')}`,
);

for (const app of counters.slice(1)) {
  const { answer } = await app.paxmesh.group('main').read<Record<string, string>>('seats', null);
  console.log(`${app.paxmesh.id} knows ${Object.keys(answer).length} seats; row2-0 is for ${answer['row2-0']}`);
}

await Promise.all(counters.map((app) => app.close()));
await rm(directory, { recursive: true });
