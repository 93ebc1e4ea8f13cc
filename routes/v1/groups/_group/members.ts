// Who belongs to the group, and the orders that change it. Each is answered with the members as they are after it.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import {
  ChangeHeaders,
  ChangeQuery,
  changeOptions,
  MemberParams,
  type MemberPatch,
  memberUrl,
  type NewMember,
  type Replacement,
} from '../../../../src/schemas/member.js';
import { ORDER_BYTES_MAX, takeOrders } from '../../../../src/schemas/order-body.js';
import { GroupParams } from '../../../../src/schemas/parameters.js';
import { problems } from '../../../../src/schemas/problem.js';

interface Tagged {
  header(name: string, value: string): unknown;
}

/** The version as ETag, for `If-Match`. */
function tagged<M extends { readonly version: number }>(reply: Tagged, members: M): M {
  reply.header('etag', `"${members.version}"`);
  return members;
}

const membersRoutes: FastifyPluginAsyncTypebox = async (app) => {
  takeOrders(app);
  const members = (description: string) => ({
    description,
    headers: { ETag: { type: 'string', description: 'The version, in quotes' } },
    content: { 'application/json': { schema: Type.Unsafe({ $ref: 'Members#' }) } },
  });
  const common = { tags: ['groups'], querystring: ChangeQuery, headers: ChangeHeaders };
  const order = { bodyLimit: ORDER_BYTES_MAX, config: { role: 'admin' } } as const;

  app.get(
    '/members',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getMembers',
        summary: 'Who belongs to the group',
        tags: ['groups'],
        params: GroupParams,
        response: { 200: members('The membership applied here'), ...problems(404) },
      },
    },
    async (request, reply) => tagged(reply, app.groupOf(request).membersView()),
  );

  app.post(
    '/members',
    {
      ...order,
      schema: {
        ...common,
        operationId: 'addMember',
        summary: 'Add a member',
        description:
          'A new voter comes as a learner and is promoted by itself when it is level. One that does not answer within four seconds, or within `timeoutMs` if that is less, is refused if its vote would be missed, unless forced.',
        params: GroupParams,
        body: Type.Unsafe<Static<typeof NewMember>>({ $ref: 'NewMember#' }),
        response: { 201: members('Added'), ...problems(400, 404, 409, 412, 503, 504) },
      },
    },
    async (request, reply) => {
      const { url, ...member } = request.body;
      const options = changeOptions(request.query, request.raw.headers);
      const after = await app.groupOf(request).addMember({ ...member, url: memberUrl(url) }, options);
      reply.code(201);
      return tagged(reply, after);
    },
  );

  app.patch(
    '/members/:id',
    {
      ...order,
      schema: {
        ...common,
        operationId: 'updateMember',
        summary: "Change a member's address or role",
        params: MemberParams,
        body: Type.Unsafe<Static<typeof MemberPatch>>({ $ref: 'MemberPatch#' }),
        response: { 200: members('Changed'), ...problems(400, 404, 409, 412, 503, 504) },
      },
    },
    async (request, reply) => {
      const { url, role } = request.body;
      const patch = { ...(url === undefined ? {} : { url: memberUrl(url) }), ...(role === undefined ? {} : { role }) };
      const options = changeOptions(request.query, request.raw.headers);
      return tagged(reply, await app.groupOf(request).updateMember(request.params.id, patch, options));
    },
  );

  app.delete(
    '/members/:id',
    {
      ...order,
      schema: {
        ...common,
        operationId: 'removeMember',
        summary: 'Remove a member',
        description: 'It stops voting at once, says `not-a-member` and keeps its data. The last voter stays.',
        params: MemberParams,
        response: { 200: members('Removed'), ...problems(400, 404, 409, 412, 503, 504) },
      },
    },
    async (request, reply) => {
      const options = changeOptions(request.query, request.raw.headers);
      return tagged(reply, await app.groupOf(request).removeMember(request.params.id, options));
    },
  );

  app.post(
    '/members/:id/replace',
    {
      ...order,
      schema: {
        ...common,
        operationId: 'replaceMember',
        summary: 'Put another node in the place of a member',
        description:
          'Answered when the newcomer is listed. In the place of a voter it learns first; when it votes, the old one goes.',
        params: MemberParams,
        body: Type.Unsafe<Static<typeof Replacement>>({ $ref: 'Replacement#' }),
        response: { 200: members('Under way'), ...problems(400, 404, 409, 412, 503, 504) },
      },
    },
    async (request, reply) => {
      const { id, url } = request.body;
      const options = changeOptions(request.query, request.raw.headers);
      const by = { id, url: memberUrl(url) };
      return tagged(reply, await app.groupOf(request).replaceMember(request.params.id, by, options));
    },
  );

  app.post(
    '/members/:id/readmit',
    {
      ...order,
      schema: {
        ...common,
        operationId: 'readmitMember',
        summary: 'Let a voter vote from the store it has now',
        description: 'After its old store was lost. The votes cast from the old store stay valid; it casts no more.',
        params: MemberParams,
        response: { 200: members('Its store is listed'), ...problems(400, 404, 409, 412, 503, 504) },
      },
    },
    async (request, reply) => {
      const options = changeOptions(request.query, request.raw.headers);
      return tagged(reply, await app.groupOf(request).readmitMember(request.params.id, options));
    },
  );
};

export default membersRoutes;
