// Each configured group is one registration: its numbers join the metrics with it. What lives and ends with a group (log,
// lease, followers) belongs to the engine; the routes find a group by its name in the path, so they are registered once.
import fp from 'fastify-plugin';
import { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace } from '../../src/engine/face.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** In the order of the configuration. */
    groups: readonly GroupFace[];
    /** The group that the request's path names. Throws group-not-found. */
    groupOf(request: FastifyRequest): GroupFace;
  }
  interface FastifyRequest {
    /** Set below /v1/groups/{group}; null when this node has no such group, and everywhere else. */
    group: GroupFace | null;
  }
}

export default fp(
  async (app) => {
    const groups: GroupFace[] = [];
    app.decorate('groups', groups);
    app.decorateRequest('group', null);
    app.decorate('groupOf', (request) => {
      if (request.group === null) throw new PaxmeshError('group-not-found', 'This node has no such group');
      return request.group;
    });
    for (const name of app.node.groupNames) {
      const group = app.node.group(name);
      if (group === undefined) throw new Error(`the node names the group ${name} but does not have it`);
      groups.push(group);
      await app.register(groupPlugin, { group });
    }
  },
  { name: 'groups', dependencies: ['edge', 'metrics'] },
);

const groupPlugin = fp<{ readonly group: GroupFace }>(async (app, { group }) => {
  app.metrics.addGroup(group);
  app.addHook('onReady', async () => app.log.debug({ group: group.name }, 'group is served'));
});
