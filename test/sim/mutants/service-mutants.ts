// Mutants of the service's own operations: the members' list, who is promoted when, the lease as it is ordered about, and
// two processes on one store.
import { falls, type Mutant } from './mutant.js';

export const SERVICE_MUTANTS: readonly Mutant[] = [
  {
    name: 'an order made of an older list changes the members',
    edits: [['core/membership-change', 'if (expects === before.version)', 'if (true)']],
    falls: falls('one-membership', 'members-at-random', 3),
  },
  {
    name: 'newcomers vote at once',
    edits: [
      [
        'core/membership-change',
        "return role === 'voter' ? { role: 'learner', candidate: true } : { role };",
        'return { role };',
      ],
    ],
    falls: falls('one-membership', 'members-at-random', 2),
  },
  {
    name: 'a candidate that moves waits for its vote no more',
    edits: [['core/membership-change', 'change.role ?? standing(member)', 'change.role ?? member.role']],
    falls: falls('one-membership', 'members-at-random', 2),
  },
  {
    name: 'a newcomer takes the vote of whom it replaces in one step',
    edits: [
      [
        'core/membership-change',
        'return replaced(before, promoted(member, change.store));',
        'return without(replaced(before, promoted(member, change.store)), member.replaces);',
      ],
    ],
    falls: falls('one-membership', 'members-at-random', 2),
  },
  {
    name: 'votes from an unlisted identity counted',
    edits: [
      [
        'core/replica',
        'return mayVote(this.#membership, this.self, this.store);',
        "return this.#membership.members.some(({ id, role }) => id === this.self && role === 'voter');",
      ],
      [
        'core/tally',
        'if (!mayVote(this.#membership, from, store))\n            return false;',
        'if (!votersOf(this.#membership).some(({ id }) => id === from))\n            return false;',
      ],
    ],
    falls: falls('listed-identity', 'wiped-and-readmitted', 1),
  },
  {
    name: 'promotion before level',
    edits: [
      [
        'engine/members/steward',
        'candidate && proved !== null && (roster.lastChosenAt(id) ?? -1) >= this.#mark',
        'candidate && proved !== null',
      ],
    ],
    falls: falls('promoted-is-level', 'slow-newcomers', 15),
  },
  {
    name: 'level by a mark of long ago',
    edits: [['engine/members/steward', 'this.#mark = NOT_YET;', '']],
    falls: falls('promoted-is-level', 'members-at-random', 112),
  },
  {
    name: 'candidates are never promoted',
    edits: [['engine/members/steward', 'candidate && proved !== null', 'false']],
    falls: falls('progress', 'members-at-random', 2),
  },
  {
    name: 'who is replaced stays',
    edits: [['engine/members/steward', "if (role === 'voter' && replaces !== undefined) {", 'if (false) {']],
    falls: falls('progress', 'members-at-random', 5),
  },
  {
    name: 'orders that cost the quorum are not refused',
    edits: [
      ['engine/members/members-desk', 'const cost = force ? null : objection(current, after);', 'const cost = null;'],
    ],
    falls: falls('progress', 'wiped-and-readmitted', 14),
  },
  {
    name: 'a store takes what an older process writes',
    edits: [
      [
        'store/memory-store',
        'this.#mustHold(epoch);\n            this.#disk.apply(batch);',
        'this.#disk.apply(batch);',
      ],
    ],
    falls: falls('fenced', 'doubled-process', 1),
  },
  {
    name: 'an older process opens its store again',
    edits: [
      [
        'store/memory-store',
        'return isTaken ? Promise.reject(this.#fenced(this.#epoch)) : this.open();',
        'return this.open();',
      ],
    ],
    falls: falls('fenced', 'doubled-process', 46),
  },
  {
    name: 'a fenced process takes its store for a failing one',
    edits: [
      [
        'engine/paxos-node',
        "if (error instanceof StoreFenced) {\n            for (const group of this.#groups.values())\n                group.suspend('fenced', detail);\n            return;\n        }",
        '',
      ],
      ['engine/paxos-node', 'if (!(error instanceof StoreFenced)) {', 'if (true) {'],
    ],
    falls: falls('fenced', 'doubled-process', 1),
  },
];
