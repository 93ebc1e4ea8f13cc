// One line for each answer: method, path, status, time. Never the query string and never a header: both may carry secrets.
// At `debug`, so that a busy node does not spend its time on it; answers of 500 show always.
import fp from 'fastify-plugin';

export default fp(
  async (app) => {
    const verbose = app.log.level === 'debug' || app.log.level === 'trace';
    app.addHook('onResponse', (request, reply, done) => {
      if (verbose || reply.statusCode === 500) {
        const path = request.url.split('?', 1)[0];
        const level = reply.statusCode === 500 ? 'warn' : 'debug';
        request.log[level](
          { method: request.method, path, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
          'answered',
        );
      }
      done();
    });
  },
  { name: 'request-log' },
);
