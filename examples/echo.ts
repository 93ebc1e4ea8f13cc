// The smallest machine there is: it gives back what it is given. (PhxPaxos's sample PhxEcho.) Three nodes in one process; each
// proposes a word, and every node's machine hears all three, in the same order.
//   node dist/examples/echo.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { type Applied, type Command, paxmesh, type StateMachine } from 'paxmesh';

class Echo implements StateMachine {
  readonly name = 'echo';
  readonly heard: string[] = [];

  apply({ bytes }: Command): Applied {
    const word = Buffer.from(bytes).toString();
    this.heard.push(word);
    return { result: word };
  }
}

const PORT = Number(process.env.PORT ?? 7101);
const ids = ['a', 'b', 'c'];
const members = ids.map((id, place) => ({ id, url: `http://127.0.0.1:${PORT + place}` }));
const directory = await mkdtemp(join(tmpdir(), 'echo-'));

async function open(id: string, place: number) {
  const app = Fastify();
  const echo = new Echo();
  await app.register(paxmesh, { node: id, members, store: `embedded:${join(directory, id)}`, machines: [echo] });
  await app.listen({ host: '127.0.0.1', port: PORT + place });
  return { id, app, echo, main: app.paxmesh.group('main') };
}

const nodes = await Promise.all(ids.map(open));
await Promise.all(nodes.map(({ app }) => app.paxmesh.whenReady()));

let last = 0;
for (const { id, main } of nodes) {
  const { instanceId, result } = await main.propose('echo', `hello from ${id}`);
  console.log(`${id} proposed, and instance ${instanceId} answers: ${result}`);
  last = instanceId;
}
for (const { id, main, echo } of nodes) {
  await main.waitFor(last);
  console.log(`${id} heard: ${echo.heard.join(', ')}`);
}

await Promise.all(nodes.map(({ app }) => app.close()));
await rm(directory, { recursive: true });
