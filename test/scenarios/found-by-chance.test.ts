// What seeds found in this code while it was built, each with what it taught.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../src/simulator/simulation.js';
import { lesson } from './lesson.js';

// A node that lagged handed a batch to the master, and the master's answer was late. By then the call had gone another way
// and stood in the log at an earlier place, so that the batch was a repeat: the answer named a place where nothing happened.
// Only the own log knows where a command took effect.
lesson('a taker that lags is not told where a repeat stands', 'a taker told of a repeat');

// Forwards were numbered from 0 in each life of a node. A master answered number 3 of a process that was dead; the next
// process had a number 3 of its own, and told its caller the place of another call. Numbers that cross a restart need
// chance or an epoch in them.
lesson('an answer to a dead process is none for the next one', 'forwards of every life numbered from 0');

// A master without a quorum ordered a renewal every half second; none could leave. When the quorum came back, the oldest was
// sealed with the others, and the lease counted from a moment long past. Of orders that wait only the newest is true.
lesson('of the orders of a lease that wait for a quorum only the newest is sealed', 'lease orders pile up');

// Deadlines hung on the pump's turns, and a pump without a store had none: callers waited until the store was back.
lesson('a deadline is kept while the store is down', 'no deadlines while the store is down');

// Giving the lease back is a command like any other, and others may see it chosen before the giver does. From the moment it
// is proposed the giver holds nothing.
lesson('who gives the lease back holds it no more', 'the lease held on while it is given back');

// Of three voters one refused a ballot and one was out of reach: neither won nor lost by count, and the proposer waited for
// the silent one. Who hears a refusal must not wait for a majority of them.
lesson(
  'a ballot that one voter refused does not wait for another that is silent',
  'a ballot refused by one voter waits for the silent one',
);

// A node that is told it lags and is not taught stops believing who told it, because that may be a liar. The peer was
// honest and its answers were lost: it was ignored for twenty seconds. Distrust must leave a way back.
lesson('a peer whose answers were lost is asked again', 'a peer whose answers were lost is ignored');

// A process that was fenced off, and whose store then failed for another reason, opened it again and so fenced the newer one.
lesson('a process that was fenced off does not take the store back', 'an older process opens its store again');

// The master's mark of what a newcomer must have was of long ago, after a rest, and so the newcomer was level at once.
lesson('nobody is level by what was chosen long ago', 'level by a mark of long ago');

// A candidate that was given a new address waited for its vote no more: the rule read its role for its wish.
lesson('who moves goes on waiting for its vote', 'a candidate that moves waits for its vote no more');

// A master that was shutting down refused a forward, and the caller was told that nothing would come of it. The simulated link
// carried the forward over into its next life, to the process that came after, which proposed it. No link of the mesh does
// that, and "refused, for good" rests on it: the port says so now, and the simulator keeps to it.
lesson(
  'what was refused for good is not carried over by a link',
  'a forward that was refused comes again on the next link',
);

// A machine that had thrown went on in the moment before the store was back. What was applied then asked for a trim that could
// not be, and the log stayed too long until the next instance came. Whoever says "not now" has to ask again.
lesson(
  'a log that grew while the store was away is cut when it is back',
  'what was applied while the store was away is not trimmed for',
);

// A value was voted for at ballot 2 by one node and chosen at ballot 4 by others; between the two the first voted for another at
// ballot 3, as Paxos lets it. The simulator took that for a chosen value overwritten. Only votes from the choosing ballot on bind.
lesson(
  'a vote below the ballot that chose may move',
  'any vote for a chosen value held to be one of those that chose it',
);

// The first seeds taught the simulator, too: a process that is stopped when the faults end needs time to go on: it was held
// to have failed, and a checker that cries wolf is no checker. There is no fault to plant again; these seeds stop processes
// up to the end.
test('a process that is stopped when the faults end is given the time to go on', async () => {
  let stopping = 0;
  for (let seed = 1; stopping < 6; seed++) {
    const { plan, failure } = await simulate({ seed, profile: 'liveness' });
    assert.equal(failure, null, `seed ${seed}`);
    if ('pauseEveryMs' in plan && plan.pauseEveryMs > 0 && plan.pauseEveryMs < 1500) stopping++;
  }
});
