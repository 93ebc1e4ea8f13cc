// Mutants of the protocol itself: ballots, votes, quorums, learning, membership.
import { falls, type Mutant } from './mutant.js';

const TALLY_SHORT = [
  'core/tally',
  'get won() {',
  'get short() {\n        return this.#yes.size >= this.#quorum - 1;\n    }\n    get won() {',
] as const;

const RECORD_LEARNED = "out.writes.push({ type: 'record', instance, ballot, chosen: true, checksum: chain, value });";

export const CORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'accept ignores the promise',
    edits: [
      [
        'core/acceptor',
        'accept(instance, ballot, value, chain, out) {\n        if (compareBallots(ballot, this.#promised) < 0) {',
        'accept(instance, ballot, value, chain, out) {\n        if (false) {',
      ],
    ],
    falls: falls('vote-after-promise', 'crash-inside-save', 2),
  },
  {
    name: 'prepare ignores accepted values',
    edits: [['core/acceptor', 'vote: vote && { ballot: vote.ballot, value: vote.value }', 'vote: null']],
    falls: falls('agreement', 'duelling-proposers', 1),
  },
  {
    name: 'prepare quorum one short',
    edits: [TALLY_SHORT, ['core/proposer', 'if (!phase.tally.won)', 'if (!phase.tally.short)']],
    falls: falls('agreement', 'lease-and-drift', 3),
  },
  {
    name: 'accept quorum one short',
    edits: [TALLY_SHORT, ['core/proposer', 'return phase.tally.won ?', 'return phase.tally.short ?']],
    falls: falls('chosen-is-counted', 'crash-inside-save', 1),
  },
  {
    name: 'duplicate replies counted',
    edits: [
      [
        'core/tally',
        '#yes = new Set();',
        '#yes = { size: 0, add() { this.size++; }, has() { return false; }, delete() {} };',
      ],
    ],
    falls: falls('chosen-is-counted', 'five-nodes', 3),
  },
  {
    name: 'promises of other ballots counted',
    edits: [
      [
        'core/proposer',
        "phase.type !== 'preparing' || !sameBallot(phase.ballot, message.ballot)",
        "phase.type !== 'preparing'",
      ],
    ],
    falls: falls('agreement', 'membership-churn', 24),
  },
  {
    name: 'votes of other ballots counted',
    edits: [
      [
        'core/proposer',
        "phase.type !== 'accepting' || !sameBallot(phase.ballot, message.ballot)",
        "phase.type !== 'accepting'",
      ],
    ],
    falls: falls('chosen-is-counted', 'idle-then-restart-all', 21),
  },
  {
    name: 'replies of earlier instances counted',
    edits: [
      [
        'core/replica',
        "case 'rejected':\n                if (message.instance === this.#open)",
        "case 'rejected':\n                if (message.instance <= this.#open)",
      ],
    ],
    falls: falls('chosen-is-counted', 'five-nodes', 4),
  },
  {
    name: 'a learned value lowers the promise',
    edits: [
      ['core/replica', RECORD_LEARNED, `${RECORD_LEARNED} out.writes.push({ type: 'promise', ballot });`],
      ['store/memory-disk', 'if (compareBallots(write.ballot, held.promised) > 0)', 'if (true)'],
    ],
    falls: falls('promise-monotone', 'crash-inside-save', 1),
  },
  {
    name: 'promise answered before it is saved',
    edits: [
      [
        'core/replica',
        'out.after.push({ to: from, message: answer });',
        'out.now.push({ to: from, message: answer });',
      ],
    ],
    falls: falls('durable-before-said', 'crash-inside-save', 1),
  },
  {
    name: 'promise never saved',
    edits: [['core/acceptor', "out.writes.push({ type: 'promise', ballot });", '']],
    falls: falls('durable-before-said', 'crash-inside-save', 1),
  },
  {
    name: 'prepare sent before its ballot is saved',
    edits: [['core/proposer', 'this.#toOtherVoters(out.after,', 'this.#toOtherVoters(out.now,']],
    falls: falls('durable-before-said', 'crash-inside-save', 1),
  },
  {
    name: "the next instance's message taken as success",
    edits: [
      [
        'core/replica',
        "else\n                    this.#heard(message.instance, from, now, out);\n                return;\n            case 'promised':",
        `else if (message.instance === this.#open + 1 && this.acceptor.vote !== null && sameBallot(this.acceptor.vote.ballot, message.ballot)) {
                    const { ballot, value, chain } = this.acceptor.vote;
                    this.#close(value, ballot, chain, now, out);
                    this.#deliver(from, store, message, now, out);
                }
                else
                    this.#heard(message.instance, from, now, out);
                return;
            case 'promised':`,
      ],
    ],
    falls: falls('agreement', 'lease-and-drift', 8),
  },
  {
    name: 'the last promise wins',
    edits: [['core/proposer', '(phase.best === null || compareBallots(vote.ballot, phase.best.ballot) > 0)', 'true']],
    falls: falls('agreement', 'five-nodes', 241),
  },
  {
    name: 'ballot reused after a restart',
    edits: [
      [
        'core/proposer',
        'const ballot = { round: Math.max(acceptor.promised.round, this.#seen.round) + 1, node: self };',
        `const again = this.begun === undefined && acceptor.promised.node === self;
        this.begun = true;
        const ballot = again ? acceptor.promised : { round: Math.max(acceptor.promised.round, this.#seen.round) + 1, node: self };`,
      ],
    ],
    falls: falls('ballot-owner', 'failing-store', 26),
  },
  {
    name: 'proposed again under the same ballot with another value',
    edits: [
      [
        'core/proposer',
        'phase.resendMs = Math.min(',
        "if (phase.type === 'accepting') phase.value = { ...phase.value, id: phase.value.id + '+' };\n        phase.resendMs = Math.min(",
      ],
    ],
    falls: falls('ballot-owner', 'crash-inside-save', 1),
  },
  {
    name: 'an old instance is voted on again',
    edits: [
      [
        'core/replica',
        'if (message.instance === this.#open)\n                    this.#vote(',
        'if (message.instance <= this.#open)\n                    this.#vote(',
      ],
      [
        'core/replica',
        "if (message.type === 'accept' && this.#forks(",
        "if (message.type === 'accept' && message.instance === this.#open && this.#forks(",
      ],
    ],
    falls: falls('stability', 'crash-inside-save', 6),
  },
  {
    name: 'the checksum stands still where a vote is closed',
    edits: [
      [
        'core/replica',
        'this.#close(vote.value, vote.ballot, vote.chain, now, out);',
        'this.#close(vote.value, vote.ballot, this.#chain, now, out);',
      ],
    ],
    falls: falls('same-state', 'crash-inside-save', 1),
  },
  {
    name: 'membership effective when proposed',
    edits: [
      [
        'core/replica',
        "if (answer.type === 'accepted')\n            this.#watchVote(now);",
        "if (answer.type === 'accepted') {\n            this.#watchVote(now);\n            this.#membership = this.#host.membershipAfter(this.#membership, instance, message.value);\n        }",
      ],
    ],
    falls: falls('one-membership', 'membership-churn', 559),
  },
  {
    name: 'prepare skipped across a change of membership',
    edits: [['core/proposer', 'if (membershipChanged)\n            this.#right = null;', '']],
    falls: falls('agreement', 'membership-churn', 216),
  },
  {
    name: 'membership changed without its version check',
    edits: [['simulator/churn-rule', 'if (order.expects !== before.version)\n        return before;', '']],
    falls: falls('one-membership', 'membership-churn', 9),
  },
  {
    name: 'a wiped node returns',
    edits: [
      [
        'core/membership',
        'return membership.gid === null || (member.store !== null && member.store === store);',
        'return true;',
      ],
    ],
    falls: falls('listed-identity', 'wiped-node', 1),
  },
  {
    name: 'an empty store votes in a founding',
    edits: [['core/replica', 'if (this.#membership.gid === null && !this.#mayFound)\n            return false;', '']],
    falls: falls('agreement', 'wiped-node', 20),
  },
  {
    name: 'half of the voters taken for a majority',
    edits: [
      [
        'core/membership',
        'return Math.floor(votersOf(membership).length / 2) + 1;',
        'return Math.ceil(votersOf(membership).length / 2);',
      ],
    ],
    falls: falls('chosen-is-counted', 'membership-churn', 1),
  },
  {
    name: 'observers vote',
    edits: [['core/membership', "if (member === undefined || member.role !== 'voter')", 'if (member === undefined)']],
    falls: falls('listed-identity', 'membership-churn', 1),
  },
  {
    name: 'a ballot refused by one voter waits for the silent one',
    edits: [['core/proposer', 'if (phase.tally.refused)', 'if (false)']],
    falls: falls('progress', 'scarred', 433),
  },
  {
    name: 'a peer whose answers were lost is ignored',
    edits: [
      ['core/learner', 'return distrust.asks(by, now);', 'return null;'],
      ['core/learner', 'this.#disbelieved.delete(teacher);', ''],
    ],
    falls: falls('progress', 'muted-stranger', 12),
  },
  {
    name: 'nobody finishes what others left open',
    edits: [['core/replica', 'this.#proposer.recover(now, out);', 'return;']],
    falls: falls('progress', 'membership-churn', 273),
  },
  {
    name: 'peers are not asked on connecting',
    edits: [['core/replica', "out.after.push({ to: input.peer, message: { type: 'ask', open: this.#open } });", '']],
    falls: falls('progress', 'membership-churn', 717),
  },
];
