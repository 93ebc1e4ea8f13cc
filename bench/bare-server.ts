// The yardstick: Fastify alone, answering the same route with the same headers and an answer of the same size.
import Fastify from 'fastify';

const app = Fastify({ logger: false });
let instanceId = 0;
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/v1/groups/:group/proposals', (request, reply) => {
  JSON.parse(String(request.body));
  const id = instanceId++;
  reply.code(201).header('location', `/v1/groups/main/instances/${id}`).header('paxmesh-node', 'a');
  return { group: 'main', instanceId: id, index: 0, result: null };
});
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
