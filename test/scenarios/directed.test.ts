// Dangers that were known beforehand. Each has a profile of the simulator to itself, because chance alone hardly ever gets
// there, and a mutant that walks into it.
import { lesson } from './lesson.js';

// The first danger of all: a crash between the write and its flush. What was said before must be on the disk.
lesson('a crash inside a save takes back nothing that was said', 'ack before save');
lesson('a promise is on disk before anybody hears of it', 'promise answered before it is saved');
lesson('after a save that failed nothing in memory is believed', 'memory kept after a failed save');

// A node that lost its disk has forgotten its votes; counted again, they would choose a second value.
lesson('a node that lost its disk comes back without a vote', 'a wiped node returns');

// The holder's clock may be slow and the others' fast: without a margin both are right by their own.
lesson('under drift nobody takes the lease while another holds it', 'no margin for drift');
lesson('a holder counts its lease from before it proposed', 'lease counted from the apply time');

// With five nodes and a partition that heals, a message for the next instance under the same ballot proves nothing about
// this one: another value may have been chosen here in the meantime.
lesson("the next instance's ballot is no proof of a value", "the next instance's message taken as success");

// Promises of {1, 2} out of {1, 2, 3} say nothing about {3, 5} out of {2, 3, 5}.
lesson('the right to skip phase one ends with a membership', 'prepare skipped across a change of membership');
lesson(
  'a change of membership that was made of an older one changes nothing',
  'membership changed without its version check',
);
