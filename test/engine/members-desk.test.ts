// Orders to change the membership, before anything is proposed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member, Membership } from '../../src/core/membership.js';
import { PaxmeshError } from '../../src/engine/errors.js';
import { MembersDesk, type MembersDeskOptions } from '../../src/engine/members/members-desk.js';

const URL_OF_X = 'http://x:1';
const member = (id: string): Member => ({ id, url: `http://${id}:1`, role: 'voter', store: `store-${id}` });
const CURRENT: Membership = { gid: '1', version: 4, members: ['a', 'b', 'c'].map(member) };

function desk(changes: object = {}): { readonly desk: MembersDesk; readonly invited: string[] } {
  const invited: string[] = [];
  const options = {
    roster: {
      current: CURRENT,
      isLive: (id: string) => invited.includes(id),
      liveVoters: () => CURRENT.members,
      hasQuorum: () => true,
    },
    clock: { now: () => 0 },
    timeoutMs: 1000,
    refusal: () => null,
    invite: ({ id }: { readonly id: string }) => {
      invited.push(id);
      return () => undefined;
    },
    intake: { order: async () => undefined },
    relieve: async () => undefined,
    view: () => ({ members: [] }),
    ...changes,
  };
  return { desk: new MembersDesk(options as unknown as MembersDeskOptions), invited };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PaxmeshError);
  return error.code;
}

test('who is not there is named in the refusal that it causes', async () => {
  let now = 0;
  const clock = {
    now: () => now,
    after: (ms: number, work: () => void) => {
      now += ms;
      queueMicrotask(work);
    },
  };
  const roster = { current: CURRENT, isLive: () => false, liveVoters: () => CURRENT.members.slice(0, 2) };
  const { desk: members } = desk({ clock, roster });
  const absent = /^x has not answered at http:\/\/x:1 within \d+ ms, and fewer voters would be live /;
  await assert.rejects(members.add({ id: 'x', url: URL_OF_X }, {}), { code: 'would-lose-quorum', message: absent });
  const hurried = members.add({ id: 'x', url: URL_OF_X }, { timeoutMs: 500 });
  await assert.rejects(hurried, { message: /^x has not answered at http:\/\/x:1 within 500 ms, / });
});

// Fails when a newcomer is looked for before its order is checked: tried.
test('nobody is asked to come by an order that is refused anyway', async () => {
  const { desk: members, invited } = desk();
  const newcomer = { id: 'x', url: URL_OF_X };
  assert.equal(await codeOf(members.add(newcomer, { ifMatch: 3 })), 'precondition-failed');
  assert.equal(await codeOf(members.add({ id: 'x', url: 'http://a:1' }, {})), 'member-exists');
  assert.equal(await codeOf(members.replace('y', newcomer, {})), 'member-not-found');
  assert.deepEqual(invited, []);
  await members.add(newcomer, { ifMatch: 4 });
  assert.deepEqual(invited, ['x'], 'and by one that is not, it is');
});
