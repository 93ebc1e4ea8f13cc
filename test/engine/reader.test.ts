// The reader by itself: whose answers count, for which reads, and what an answer waits for. That no acknowledged value is
// missed by nodes that run is reads.test.ts. "Tried" means that the rule was taken out once and the test has failed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaxmeshError } from '../../src/engine/errors.js';
import { reachOf } from '../../src/engine/reads/read-round.js';
import { READS_MAX } from '../../src/engine/reads/reader.js';
import { LoneReplica } from '../core/lone-replica.js';
import { ballot, member, value, votersNamed } from '../core/samples.js';
import { LoneReader, settled, withObserver } from './lone-reader.js';

// Fails when one answer less is enough: tried.
test('a linearizable read waits for a quorum of the voters, itself among them, and asks each once', async () => {
  const lone = new LoneReader();
  const read = lone.reads();
  assert.deepEqual(await lone.turn(), ['500 to b', '500 to c']);
  assert.equal(read.state, 'waits');
  await lone.hears('b', 500, -1);
  assert.deepEqual([read.state, read.answer, read.instanceId], ['linearizable', [], -1]);
  await lone.hears('c', 500, 99);
  assert.deepEqual(await lone.turn(20), []);
  assert.equal(lone.reader.wakeAt, null, 'nothing waits any more');
});

test('who has no vote asks all voters, and does not count itself', async () => {
  const lone = new LoneReader({ ...withObserver, members: [member('a', 'observer'), ...voters('b', 'c', 'd')] });
  const read = lone.reads();
  assert.deepEqual(await lone.turn(), ['500 to b', '500 to c', '500 to d']);
  await lone.hears('b', 500, -1);
  assert.equal(read.state, 'waits');
  await lone.hears('d', 500, -1);
  assert.equal(read.state, 'linearizable');
});

test('a single voter asks nobody', async () => {
  const lone = new LoneReader(votersNamed('a'));
  const read = lone.reads();
  assert.deepEqual(await lone.turn(), []);
  assert.equal(read.state, 'linearizable');
});

// Fails when a node counts itself, or answers, without having asked its store: tried.
test('a process whose store another one has opened is no voter: neither for itself nor for others', async () => {
  // The newer process votes, and the older one knows nothing of it until its next flush. Alone it was its own quorum.
  const alone = new LoneReader(votersNamed('a'));
  alone.isFenced = true;
  const read = alone.reads();
  await alone.turn();
  assert.equal(read.state, 'waits');
  await alone.turn(2000);
  assert.equal(read.state, 'no-quorum');
  const asked = new LoneReader();
  asked.isFenced = true;
  asked.reader.asked('b', { type: 'read-ask', id: 1 });
  assert.deepEqual(await asked.turn(), []);
  asked.isFenced = false;
  asked.reader.asked('b', { type: 'read-ask', id: 2 });
  assert.deepEqual(await asked.turn(), ['2 to b']);
});

// Fails when the membership is not asked whose answer it is: tried.
test('an answer of an unlisted store, of a member without a vote, of a stranger, or twice by one voter does not count', async () => {
  const lone = new LoneReader(withObserver);
  lone.replica = null;
  const read = lone.reads();
  await lone.turn();
  await lone.hears('b', 500, -1);
  await lone.hears('b', 500, -1);
  await lone.hears('c', 500, -1, 'another store of c');
  await lone.hears('d', 500, -1);
  await lone.hears('e', 500, -1);
  assert.equal(read.state, 'waits');
  await lone.hears('c', 500, -1);
  assert.equal(read.state, 'linearizable');
});

// Fails when the number of the round is not compared: tried.
test('an answer of an earlier round does not count, though it comes late', async () => {
  const lone = new LoneReader(votersNamed('a', 'b', 'c', 'd', 'e'));
  const first = lone.reads();
  await lone.turn();
  await lone.hears('b', 500, -1);
  await lone.hears('c', 500, -1);
  assert.equal(first.state, 'linearizable');
  const second = lone.reads();
  assert.equal((await lone.turn())[0], '501 to b');
  await lone.hears('d', 500, -1);
  await lone.hears('e', 500, -1);
  assert.equal(second.state, 'waits');
});

// Fails when a read joins the round that is under way: tried.
test('a read takes part in the next round when one has begun before it came, with all that wait by then', async () => {
  const lone = new LoneReader();
  const first = [lone.reads(), lone.reads()];
  assert.deepEqual(await lone.turn(), ['500 to b', '500 to c']);
  const second = [lone.reads(), lone.reads()];
  assert.deepEqual(await lone.turn(20), [], 'one round at a time');
  await lone.hears('b', 500, -1);
  assert.deepEqual(states(first), ['linearizable', 'linearizable']);
  assert.deepEqual(states(second), ['waits', 'waits']);
  assert.deepEqual(await lone.turn(), ['501 to b', '501 to c']);
  await lone.hears('c', 501, -1);
  assert.deepEqual(states(second), ['linearizable', 'linearizable']);
});

// Fails when it is answered as soon as a quorum has spoken: tried.
test('the answer waits until the furthest of what was said is applied, and whole', async () => {
  const lone = new LoneReader();
  const read = lone.reads();
  await lone.turn();
  await lone.hears('b', 500, 3);
  lone.applies(2);
  await settled();
  assert.equal(read.state, 'waits');
  lone.applies(3);
  await settled();
  assert.deepEqual([read.state, read.instanceId], ['linearizable', 3]);
});

// Fails when only what was learned is told: tried.
test('a vote of its own that is not closed is waited for, though it may not be on disk yet', async () => {
  const lone = new LoneReader();
  const own = new LoneReplica();
  own.hears('c', { type: 'accept', instance: 0, ballot: ballot(1, 'c'), value: value('x'), chain: 0 });
  lone.replica = own.replica;
  const read = lone.reads();
  await lone.turn();
  await lone.hears('b', 500, -1);
  assert.equal(read.state, 'waits');
  lone.applies(0);
  await settled();
  assert.equal(read.state, 'linearizable');
});

// Each half fails without its look at the membership: tried.
test('when the members are others than those who were asked, it starts over', async () => {
  const lone = new LoneReader();
  const [waiting, asking] = [lone.reads(), lone.reads({ timeoutMs: 5000 })];
  await lone.turn();
  await lone.hears('b', 500, 0);
  const later = lone.reads();
  assert.deepEqual(await lone.turn(), ['501 to b', '501 to c']);
  // Instance 0 gives the votes to others.
  lone.has({ ...votersNamed('a', 'd', 'e'), version: 0 });
  lone.applies(0);
  await settled();
  assert.deepEqual(states([waiting, asking, later]), ['waits', 'waits', 'waits']);
  assert.deepEqual(await lone.turn(), ['502 to d', '502 to e']);
  await lone.hears('b', 501, 0);
  await lone.hears('b', 502, 0);
  assert.deepEqual(states([waiting, asking, later]), ['waits', 'waits', 'waits']);
  await lone.hears('e', 502, 1);
  lone.applies(1);
  await settled();
  assert.deepEqual(states([waiting, asking, later]), ['linearizable', 'linearizable', 'linearizable']);
});

// Fails when configured members are asked too: tried.
test('before the group is founded nobody is asked, and the read ends without an answer', async () => {
  const lone = new LoneReader({ ...votersNamed('a', 'b', 'c'), gid: null, version: -1 });
  const read = lone.reads();
  assert.deepEqual(await lone.turn(), []);
  assert.deepEqual(await lone.turn(500), []);
  await lone.turn(500);
  assert.equal(read.state, 'no-quorum');
  assert.equal(lone.reader.wakeAt, null);
});

// Fails without either look at `isWhole`: tried.
test('in the midst of an instance nothing fresh is answered, and no round begins', async () => {
  const lone = new LoneReader();
  const early = lone.reads();
  await lone.turn();
  lone.counter.fault = 'bad';
  const command = (text: string, sequence: number) => {
    const id = { origin: 'z', sequence };
    return { id, machine: 'tally', encoding: 'utf8', bytes: Buffer.from(text), key: null, ifMaster: null } as const;
  };
  const batch = [command('good', 0), command('bad', 1)];
  assert.throws(() => lone.router.apply(0, batch));
  await lone.hears('b', 500, -1);
  const late = lone.reads();
  assert.deepEqual(await lone.turn(), []);
  assert.deepEqual(states([early, late]), ['waits', 'waits']);
  lone.counter.fault = null;
  lone.router.apply(0, batch);
  lone.reader.advanced();
  await settled();
  assert.deepEqual([early.state, early.answer], ['linearizable', ['good', 'bad']]);
  assert.deepEqual(await lone.turn(), ['501 to b', '501 to c']);
});

test('who does not answer is asked again after a while, and at once when its link stands again', async () => {
  const lone = new LoneReader(votersNamed('a', 'b', 'c', 'd', 'e'));
  lone.reads();
  await lone.turn();
  await lone.hears('b', 500, -1);
  assert.deepEqual(await lone.turn(149), []);
  assert.deepEqual(await lone.turn(20), ['500 to c', '500 to d', '500 to e']);
  lone.said.length = 0;
  lone.reader.connected('b');
  lone.reader.connected('d');
  lone.reader.connected('x');
  assert.deepEqual(lone.said, [{ to: 'd', message: { type: 'read-ask', id: 500 } }]);
});

test('when nothing more is applied, positions are compared with who said most', async () => {
  const lone = new LoneReader();
  lone.reads();
  await lone.turn();
  await lone.hears('c', 500, 2);
  await lone.turn(160);
  lone.applies(0);
  await lone.turn(160);
  lone.compared.length = 0;
  await lone.turn(160);
  assert.deepEqual(lone.compared, ['c']);
});

test('lease: the holder answers at once what it has closed; anybody else, linearizably', async () => {
  const lone = new LoneReader();
  lone.holdsLease = true;
  const held = lone.reads({ read: 'lease' });
  await settled();
  assert.deepEqual([held.state, lone.said.length], ['lease', 0]);
  // Two instances are closed, and none of them is applied yet.
  lone.votes(votersNamed('a', 'b', 'c'), 2);
  const closed = lone.reads({ read: 'lease' });
  lone.applies(0);
  await settled();
  assert.equal(closed.state, 'waits');
  lone.applies(1);
  await settled();
  assert.deepEqual([closed.state, closed.instanceId], ['lease', 1]);
  lone.holdsLease = false;
  const other = lone.reads({ read: 'lease' });
  const [asked = ''] = await lone.turn();
  await lone.hears('b', Number.parseInt(asked, 10), 1);
  assert.equal(other.state, 'linearizable');
});

test('minInstance holds in every mode', async () => {
  const lone = new LoneReader(votersNamed('a'));
  const modes = ['local', 'lease', 'linearizable'] as const;
  lone.holdsLease = true;
  const reads = modes.map((read) => lone.reads({ read, minInstance: 5 }));
  const now = modes.map((read) => lone.reads({ read, minInstance: -1 }));
  await lone.turn();
  assert.deepEqual(states(now), modes);
  lone.applies(4);
  await lone.turn(20);
  assert.deepEqual(states(reads), ['waits', 'waits', 'waits']);
  lone.applies(5);
  await settled();
  assert.deepEqual(states(reads), modes);
});

test('time over: no quorum, or catching up, or why this node is not fit; never anything else than outcome none', async () => {
  const lone = new LoneReader();
  const unasked = lone.reads({ timeoutMs: 100 });
  await lone.turn();
  await lone.turn(100);
  const behind = lone.reads({ timeoutMs: 100 });
  await lone.turn();
  await lone.hears('b', 501, 7);
  const local = lone.reads({ read: 'local', minInstance: 7, timeoutMs: 100 });
  await lone.turn(100);
  const halts = lone.reads({ timeoutMs: 100 });
  lone.standing.halted = 'instance 0: it throws';
  await lone.turn(100);
  assert.deepEqual(states([unasked, behind, local, halts]), ['no-quorum', 'catching-up', 'catching-up', 'halted']);
  for (const { error } of [unasked, behind, local, halts]) assert.equal((error as PaxmeshError).outcome, 'none');
});

test('a round that nobody waits for any more does not hold up the next read', async () => {
  const lone = new LoneReader();
  lone.reads({ timeoutMs: 30 });
  await lone.turn();
  await lone.turn(40);
  lone.reads();
  assert.deepEqual(await lone.turn(), ['501 to b', '501 to c']);
});

test('who takes no part reads nothing fresh, and ends the waits for it; a fenced or closed node reads nothing', async () => {
  const lone = new LoneReader();
  const fresh = lone.reads();
  const local = lone.reads({ read: 'local', minInstance: 0 });
  await lone.turn();
  const suspend = (code: 'store-unavailable' | 'fenced' | 'halted') => {
    lone.standing.outage = { code, detail: 'so' };
    lone.reader.suspended(new PaxmeshError(code, 'so'));
  };
  suspend('store-unavailable');
  await settled();
  assert.deepEqual(states([fresh, local]), ['store-unavailable', 'waits']);
  const refused = [lone.reads(), lone.reads({ read: 'lease' }), lone.reads({ read: 'local' })];
  await settled();
  assert.deepEqual(states(refused), ['store-unavailable', 'store-unavailable', 'local']);
  lone.standing.outage = null;
  lone.standing.halted = 'it throws';
  const halted = [lone.reads(), lone.reads({ read: 'lease' }), lone.reads({ read: 'local' })];
  await settled();
  assert.deepEqual(states(halted), ['halted', 'halted', 'local']);
  suspend('fenced');
  const late = lone.reads({ read: 'local' });
  await settled();
  assert.deepEqual(states([local, late]), ['fenced', 'fenced']);
  lone.standing.outage = null;
  lone.standing.halted = null;
  const last = [lone.reads(), lone.reads({ read: 'local', minInstance: 9 })];
  lone.reader.close();
  const after = lone.reads({ read: 'local' });
  await settled();
  assert.deepEqual(states([...last, after]), ['draining', 'draining', 'draining']);
});

// Fails when the outage is not looked at again when the answer is due: tried.
test('a log that has diverged since the question is not answered from', async () => {
  const lone = new LoneReader();
  const read = lone.reads();
  await lone.turn();
  lone.standing.outage = { code: 'halted', detail: 'the logs have diverged' };
  await lone.hears('b', 500, -1);
  assert.equal(read.state, 'waits');
});

test('a name that is no machine, or one that cannot be asked, is refused; what a query throws reaches the caller', async () => {
  const lone = new LoneReader();
  for (const name of ['nobody', '$membership', 'log']) {
    await assert.rejects(lone.reader.read(name, null, { read: 'local' }), { code: 'unknown-machine' });
  }
  const contexts: unknown[] = [];
  lone.counter.query = (question, context) => {
    contexts.push(context);
    throw new RangeError(`${question}?`);
  };
  await assert.rejects(lone.reader.read('tally', 'what', { read: 'local' }), {
    name: 'RangeError',
    message: 'what?',
  });
  assert.deepEqual(contexts, [{ timeMs: 77 }]);
});

test('the number of waiting reads is bounded, and who gives up makes room', async () => {
  const lone = new LoneReader();
  const reads = Array.from({ length: READS_MAX }, () => lone.reads({ timeoutMs: 50 }));
  const over = lone.reads();
  await lone.turn();
  assert.equal(over.state, 'overloaded');
  await lone.turn(60);
  assert.ok(reads.every(({ state }) => state === 'no-quorum'));
  const next = lone.reads();
  await lone.turn();
  assert.equal(next.state, 'waits');
});

test('a voter says where it has voted, or else what it has learned; without a countable vote it says nothing', () => {
  const lone = new LoneReplica({ self: 'b', store: 'b', membership: votersNamed('a', 'b', 'c'), open: 5 });
  assert.equal(reachOf(lone.replica), 4);
  const voted = { instance: 5, ballot: ballot(1, 'a'), chain: 0 };
  lone.hears('a', { type: 'accept', ...voted, value: value('x') });
  assert.equal(reachOf(lone.replica), 5);
  lone.hears('a', { type: 'chosen', ...voted });
  assert.deepEqual([lone.replica.open, reachOf(lone.replica)], [6, 5]);
  const wiped = new LoneReplica({ self: 'b', store: 'new', membership: votersNamed('a', 'b', 'c') });
  const lost = new LoneReplica({ self: 'b', store: 'b', membership: votersNamed('a', 'b', 'c'), votesFrom: null });
  assert.deepEqual([reachOf(wiped.replica), reachOf(lost.replica), reachOf(null)], [null, null, null]);
});

const states = (reads: readonly { readonly state: string }[]) => reads.map(({ state }) => state);
const voters = (...ids: readonly string[]) => ids.map((id) => member(id));
