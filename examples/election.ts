// Who is master, and who is it next? (PhxPaxos's sample PhxElection.) Three nodes in one process; each is told whenever the
// master changes. Then the master leaves, and the others are told who it is now.
//   node dist/examples/election.js
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { paxmesh } from 'paxmesh';

const PORT = Number(process.env.PORT ?? 7101);
const ids = ['a', 'b', 'c'];
const members = ids.map((id, place) => ({ id, url: `http://127.0.0.1:${PORT + place}` }));
const directory = await mkdtemp(join(tmpdir(), 'election-'));

async function open(id: string, place: number) {
  const app = Fastify();
  await app.register(paxmesh, { node: id, members, store: `embedded:${join(directory, id)}` });
  await app.listen({ host: '127.0.0.1', port: PORT + place });
  return app;
}

const apps = await Promise.all(ids.map(open));

/** Waits until this node knows a master other than `former`, and says who that is. */
async function elected({ paxmesh: node }: (typeof apps)[number], former: string | null): Promise<string | null> {
  for await (const { node: master, version } of node.group('main').masters()) {
    if (master === null || master === former) continue;
    console.log(`${node.id}: the master is ${master === node.id ? 'me' : master}, since instance ${version}`);
    return master;
  }
  return null;
}

const [first = null] = await Promise.all(apps.map((app) => elected(app, null)));
console.log(`${first} leaves`);
await apps.find((app) => app.paxmesh.id === first)?.close();
const left = apps.filter((app) => app.paxmesh.id !== first);
await Promise.all(left.map((app) => elected(app, first)));

await Promise.all(apps.map((app) => app.close()));
await rm(directory, { recursive: true });
