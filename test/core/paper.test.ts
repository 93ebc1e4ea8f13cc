// Paxos, rule by rule. P1, P1a and P2 to P2c are the names that Lamport's "Paxos Made Simple" gives to what an acceptor or
// a chosen value must satisfy; each test says in plain words the rule it proves. What holds over
// all time (P2, P2a, P2b) is proved over whole stories, in paper-stories.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ballot, compareBallots } from '../../src/core/ballot.js';
import type { NodeId } from '../../src/core/ids.js';
import { RESEND_MS } from '../../src/core/limits.js';
import type { Message } from '../../src/core/message.js';
import { LoneReplica, sentTo } from './lone-replica.js';
import { ballot, describeWrite, member, value, votersNamed } from './samples.js';

const accept = (at: Ballot, id: string, instance = 0): Message => {
  return { type: 'accept', instance, ballot: at, value: value(id), chain: 0 };
};
const prepare = (at: Ballot, instance = 0): Message => ({ type: 'prepare', instance, ballot: at });
const accepted = (at: Ballot, instance = 0): Message => ({ type: 'accepted', instance, ballot: at });
const promised = (at: Ballot, vote: { ballot: Ballot; value: ReturnType<typeof value> } | null = null): Message => {
  return { type: 'promised', instance: 0, ballot: at, vote };
};
const rejected = (at: Ballot, by: Ballot): Message => ({ type: 'rejected', instance: 0, ballot: at, promised: by });
const types = (letters: readonly { readonly message: Message }[]) => letters.map(({ message }) => message.type);

// ---------------------------------------------------------------------------------------------------- acceptors

test('P1: an acceptor that has promised nothing votes for the first value it is asked to vote for', () => {
  const out = new LoneReplica().hears('b', accept(ballot(1, 'b'), 'x'));
  assert.deepEqual(out.writes.map(describeWrite), ['promise 1.b', 'vote 0 at 1.b: x']);
  assert.deepEqual(sentTo('b', 'accepted', out), accepted(ballot(1, 'b')));
});

// Fails when accept() does not compare with the promise: tried.
test('P1a: an acceptor votes at a ballot unless it has promised a higher one', () => {
  const answers = [ballot(1, 'c'), ballot(2, 'b'), ballot(2, 'c')].map((at) => {
    const lone = new LoneReplica();
    lone.hears('b', prepare(ballot(2, 'b')));
    return types(lone.hears(at.node, accept(at, 'x')).after);
  });
  assert.deepEqual(answers, [['rejected'], ['accepted'], ['accepted']]);
});

// Fails when prepare() does not compare with the promise: tried.
test('phase 1b: a prepare below the promise is refused, and is told the promise, so that its proposer can go higher', () => {
  const lone = new LoneReplica();
  lone.hears('c', prepare(ballot(5, 'c')));
  const out = lone.hears('b', prepare(ballot(4, 'b')));
  assert.deepEqual(sentTo('b', 'rejected', out), rejected(ballot(4, 'b'), ballot(5, 'c')));
  assert.deepEqual(out.writes, []);
});

// Fails when the promise hides the vote: tried.
test('phase 1b: a promise tells the vote with the highest ballot that its acceptor has cast', () => {
  const lone = new LoneReplica();
  lone.hears('b', accept(ballot(1, 'b'), 'older'));
  lone.hears('c', accept(ballot(2, 'c'), 'newer'));
  const { vote } = sentTo('b', 'promised', lone.hears('b', prepare(ballot(3, 'b'))));
  assert.deepEqual(vote, { ballot: ballot(2, 'c'), value: value('newer') });
});

test('re-sends: a prepare and an accept at the very ballot that is promised are answered again, and written once', () => {
  const lone = new LoneReplica();
  lone.hears('b', prepare(ballot(1, 'b')));
  const again = lone.hears('b', prepare(ballot(1, 'b')));
  assert.deepEqual([again.writes.length, types(again.after)], [0, ['promised']]);
  lone.hears('b', accept(ballot(1, 'b'), 'x'));
  const oncemore = lone.hears('b', accept(ballot(1, 'b'), 'x'));
  assert.deepEqual([oncemore.writes.length, types(oncemore.after)], [0, ['accepted']]);
});

// Fails when the answer goes into `now`: tried.
test('stable storage: an acceptor answers nothing before its promise and its vote are on disk', () => {
  const lone = new LoneReplica();
  for (const message of [prepare(ballot(1, 'b')), accept(ballot(1, 'b'), 'x')]) {
    const out = lone.hears('b', message);
    assert.ok(out.writes.length > 0);
    assert.deepEqual(out.now, []);
    assert.equal(out.after.length, 1);
  }
});

test('stable storage: an acceptor that starts again from its disk keeps its promise and tells its vote', () => {
  const at = ballot(3, 'b');
  const lone = new LoneReplica({ promised: at, vote: { ballot: at, value: value('x'), chain: 1 } });
  assert.deepEqual(types(lone.hears('c', prepare(ballot(2, 'c'))).after), ['rejected']);
  const { vote } = sentTo('c', 'promised', lone.hears('c', prepare(ballot(4, 'c'))));
  assert.deepEqual(vote, { ballot: at, value: value('x') });
});

test('one register for all instances: a promise given for one instance holds in the next', () => {
  const lone = new LoneReplica();
  lone.hears('b', prepare(ballot(5, 'b')));
  lone.hears('b', accept(ballot(5, 'b'), 'x'));
  lone.hears('b', { type: 'chosen', instance: 0, ballot: ballot(5, 'b'), chain: 0 });
  assert.equal(lone.replica.open, 1);
  const out = lone.hears('c', prepare(ballot(4, 'c'), 1));
  assert.deepEqual(types(out.after), ['rejected']);
});

// ---------------------------------------------------------------------------------------------------- proposers

// Fails when the prepare goes into `now`: tried.
test('ballots: no peer hears of a ballot before it is on the disk of its owner', () => {
  const out = new LoneReplica().proposes('x');
  assert.deepEqual(out.writes.map(describeWrite), ['promise 1.a']);
  assert.deepEqual(out.now, []);
  assert.deepEqual(types(out.after), ['prepare', 'prepare', 'promised']);
});

test('ballots: a proposer goes above its own promise and above whatever refused it', () => {
  const lone = new LoneReplica({ promised: ballot(4, 'b') });
  const first = sentTo('b', 'prepare', lone.proposes('x')).ballot;
  assert.deepEqual(first, ballot(5, 'a'));
  for (const peer of ['b', 'c']) lone.hears(peer, rejected(first, ballot(8, 'c')));
  assert.deepEqual(sentTo('b', 'prepare', lone.wakes()).ballot, ballot(9, 'a'));
});

test('phase 2a: without a majority of promises nothing is proposed', () => {
  const lone = new LoneReplica({ membership: votersNamed('a', 'b', 'c', 'd', 'e') });
  const asked = lone.proposes('x');
  const at = sentTo('b', 'prepare', asked).ballot;
  assert.deepEqual(lone.saves(asked).now, []);
  assert.deepEqual(lone.hears('b', promised(at)).now, []);
  assert.deepEqual(types(lone.hears('c', promised(at)).now), ['accept', 'accept', 'accept', 'accept']);
});

test('phase 2a: where the majority has voted for nothing, the proposer is free to propose its own', () => {
  assert.equal(sentTo('b', 'accept', new LoneReplica().isPromisedByB('mine')).value.id, 'mine');
});

for (const order of [
  ['b', 'c'],
  ['c', 'b'],
]) {
  // Fails when the last promise wins, and when votes are ignored: tried.
  test(`P2c: a proposer takes the value of the highest vote among its promises (heard from ${order.join(', then ')})`, () => {
    const lone = new LoneReplica({ membership: votersNamed('a', 'b', 'c', 'd', 'e') });
    lone.hears('d', accept(ballot(1, 'd'), 'lowest'));
    const asked = lone.proposes('mine');
    const at = sentTo('b', 'prepare', asked).ballot;
    const votes: Record<NodeId, Message> = {
      b: promised(at, { ballot: ballot(2, 'b'), value: value('highest') }),
      c: promised(at, { ballot: ballot(1, 'c'), value: value('lower') }),
    };
    lone.saves(asked);
    const outs = order.map((peer) => lone.hears(peer, votes[peer] as Message));
    const proposal = outs
      .map((out) => out.now.find(({ to }) => to === 'e')?.message)
      .find((each) => each !== undefined);
    assert.ok(proposal?.type === 'accept');
    assert.equal(proposal.value.id, 'highest');
    assert.deepEqual(proposal.ballot, at);
  });
}

test("P2c: the proposer's own vote is one of those it has to look at", () => {
  const lone = new LoneReplica();
  lone.hears('b', accept(ballot(1, 'b'), 'voted here'));
  const asked = lone.proposes('mine');
  lone.saves(asked);
  const out = lone.hears('c', promised(sentTo('c', 'prepare', asked).ballot));
  assert.equal(sentTo('c', 'accept', out).value.id, 'voted here');
});

// Fails when promises of other ballots are counted: tried.
test('P2c: a promise for an older ballot is none for this one', () => {
  const lone = new LoneReplica();
  const older = sentTo('b', 'prepare', lone.proposes('x')).ballot;
  for (const peer of ['b', 'c']) lone.hears(peer, rejected(older, ballot(7, 'c')));
  const again = lone.wakes();
  lone.saves(again);
  assert.deepEqual(lone.hears('b', promised(older)).now, []);
  assert.equal(lone.hears('b', promised(sentTo('b', 'prepare', again).ballot)).now.length, 2);
});

test('one value per ballot: what is sent again is the same, and another value takes a higher ballot', () => {
  const lone = new LoneReplica();
  const first = sentTo('b', 'accept', lone.isPromisedByB('x'));
  const later = lone.wakes();
  assert.equal(lone.now, RESEND_MS);
  assert.deepEqual(sentTo('b', 'accept', later), first);
  // Another proposer takes this acceptor over and loses again: the old right is gone with the old ballot.
  lone.hears('c', prepare(ballot(2, 'c')));
  for (const peer of ['b', 'c']) lone.hears(peer, rejected(first.ballot, ballot(2, 'c')));
  assert.ok(compareBallots(sentTo('b', 'prepare', lone.wakes()).ballot, first.ballot) > 0);
});

// Fails when it keeps the right in spite of its own acceptor's newer promise: tried.
test('a proposer whose own acceptor has promised somebody else since does not propose at its old ballot', () => {
  const lone = new LoneReplica();
  const asked = lone.proposes('x');
  const at = sentTo('b', 'prepare', asked).ballot;
  lone.saves(asked);
  lone.hears('c', prepare(ballot(3, 'c')));
  const out = lone.hears('b', promised(at));
  assert.deepEqual(out.now, []);
  assert.deepEqual(sentTo('b', 'prepare', out).ballot, ballot(4, 'a'));
});

test('phase one holds for all later instances: a proposer that was promised goes straight to accept from then on', () => {
  const lone = new LoneReplica();
  const at = sentTo('b', 'accept', lone.isPromisedByB('x')).ballot;
  lone.hears('b', accepted(at));
  lone.hears('c', accepted(at));
  const out = lone.proposes('y');
  assert.equal(lone.replica.skipsPrepare, true);
  assert.deepEqual(types(out.now), ['accept', 'accept']);
  assert.deepEqual(sentTo('b', 'accept', out), { ...accept(at, 'y', 1), chain: lone.replica.chain });
});

// Fails when a rejection leaves the right alone: tried.
test('phase one holds only as long as nobody says no: one rejection ends it for the next instance', () => {
  const lone = new LoneReplica();
  const at = sentTo('b', 'accept', lone.isPromisedByB('x')).ballot;
  lone.hears('c', rejected(at, ballot(3, 'c')));
  lone.hears('b', accepted(at));
  lone.hears('a', accepted(at));
  assert.equal(lone.replica.open, 1);
  assert.deepEqual(sentTo('b', 'prepare', lone.proposes('y')).ballot, ballot(4, 'a'));
});

// ---------------------------------------------------------------------------------------------------- choosing

test('chosen: by a majority of votes that came in, the own one after its flush; not by one less', () => {
  const lone = new LoneReplica();
  const out = lone.isPromisedByB('x');
  assert.deepEqual(out.chosen, []);
  const mine = lone.saves(out);
  assert.deepEqual([mine.chosen, mine.now], [[], []], 'one of three');
  const won = lone.hears('c', accepted(sentTo('c', 'accept', out).ballot));
  assert.deepEqual(
    won.chosen.map((entry) => entry.value.id),
    ['x'],
  );
  assert.deepEqual(types(won.now), ['chosen', 'chosen']);
});

// Fails when the own vote is counted at once: tried.
test('chosen: the own vote counts when it is on disk and not before', () => {
  const lone = new LoneReplica();
  const out = lone.isPromisedByB('x');
  assert.deepEqual(lone.hears('c', accepted(sentTo('c', 'accept', out).ballot)).chosen, []);
  assert.equal(lone.saves(out).chosen.length, 1);
});

test('chosen: two votes of the peers are a majority although the own disk is slower than both', () => {
  const lone = new LoneReplica();
  const at = sentTo('b', 'accept', lone.isPromisedByB('x')).ballot;
  lone.hears('b', accepted(at));
  assert.equal(lone.hears('c', accepted(at)).chosen.length, 1);
});

// Fails when answers are counted instead of voters: tried.
test('chosen: a vote that arrives twice counts once', () => {
  const lone = new LoneReplica({ membership: votersNamed('a', 'b', 'c', 'd', 'e') });
  const asked = lone.proposes('x');
  const at = sentTo('b', 'prepare', asked).ballot;
  for (const peer of ['b', 'c', 'd']) lone.hears(peer, promised(at));
  for (let time = 0; time < 4; time++) assert.deepEqual(lone.hears('b', accepted(at)).chosen, []);
  lone.hears('c', accepted(at));
  assert.equal(lone.hears('d', accepted(at)).chosen.length, 1);
});

test('chosen: votes at another ballot or instance, of a stranger, an observer or an unlisted store do not count', () => {
  const members = [member('a'), member('b'), member('c'), member('o', 'observer')];
  const lone = new LoneReplica({ membership: { gid: 'g', version: -1, members } });
  const out = lone.isPromisedByB('x');
  const at = sentTo('b', 'accept', out).ballot;
  lone.saves(out);
  assert.deepEqual(lone.hears('b', accepted(ballot(at.round + 1, 'a'))).chosen, []);
  assert.deepEqual(lone.hears('b', accepted(at, 1)).chosen, []);
  assert.deepEqual(lone.hears('z', accepted(at)).chosen, []);
  assert.deepEqual(lone.hears('o', accepted(at)).chosen, []);
  assert.deepEqual(lone.hears('b', accepted(at), 'a wiped store').chosen, []);
  assert.equal(lone.hears('c', accepted(at)).chosen.length, 1);
});

// Fails when the vote of another ballot is taken: tried.
test('learning: who is told what was chosen without the value takes its own vote only if it was cast at that ballot', () => {
  const at = ballot(2, 'c');
  const told: Message = { type: 'chosen', instance: 0, ballot: at, chain: 0 };
  const voter = new LoneReplica();
  voter.hears('c', accept(at, 'x'));
  assert.equal(voter.hears('c', told).chosen[0]?.value.id, 'x');
  const other = new LoneReplica();
  other.hears('b', accept(ballot(1, 'b'), 'not this one'));
  const out = other.hears('c', told);
  assert.deepEqual(out.chosen, []);
  assert.deepEqual(sentTo('c', 'ask', out), { type: 'ask', open: 0 });
});
