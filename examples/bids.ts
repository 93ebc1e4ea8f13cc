// A state machine with all that an auction needs: the highest bid wins. One node in this process; it takes three bids, writes a
// checkpoint, stops, starts again from its store, and still knows who leads. docs/machines.md explains the class.
//   node dist/examples/bids.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import Fastify from 'fastify';
import { type Applied, type Command, type PaxmeshError, paxmesh, type StateMachine } from 'paxmesh';

class HighestBid implements StateMachine {
  readonly name = 'bids';
  #best = { who: 'nobody', amount: 0 };

  apply({ bytes }: Command): Applied {
    const [, who, amount] = /^(\w+) ([1-9]\d{0,8})$/.exec(Buffer.from(bytes).toString()) ?? [];
    if (who === undefined) return { rejected: 'say: who amount' };
    if (Number(amount) <= this.#best.amount) return { rejected: `${this.#best.who} bids ${this.#best.amount}` };
    this.#best = { who, amount: Number(amount) };
    return { result: this.#best };
  }

  query = () => this.#best;
  snapshot = () => [Buffer.from(JSON.stringify(this.#best))];
  digest = () => crc32(JSON.stringify(this.#best));

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const best = JSON.parse(await text(parts));
    return () => {
      this.#best = best;
    };
  }
}

const PORT = Number(process.env.PORT ?? 7401);
const directory = await mkdtemp(join(tmpdir(), 'bids-'));

async function open() {
  const app = Fastify();
  const members = `a=http://127.0.0.1:${PORT}`;
  await app.register(paxmesh, { node: 'a', members, store: `embedded:${directory}`, machines: [new HighestBid()] });
  await app.listen({ host: '127.0.0.1', port: PORT });
  return { app, auction: app.paxmesh.group('main') };
}

const before = await open();
for (const bid of ['ada 10', 'bob 8', 'bob 12']) {
  const answer = before.auction.propose('bids', bid).then(({ result }) => `taken: ${JSON.stringify(result)}`);
  console.log(`${bid}: ${await answer.catch((error: PaxmeshError) => `${error.code}: ${error.message}`)}`);
}
const { instanceId } = await before.auction.orders.takeCheckpoint();
console.log(`written down: all through instance ${instanceId}`);
await before.app.close();

const after = await open();
const { answer } = await after.auction.read('bids', null);
console.log(`after a restart: ${JSON.stringify(answer)}`);
await after.app.close();
await rm(directory, { recursive: true });
