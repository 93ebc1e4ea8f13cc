// Protocol mutants: small, known-bad changes to the compiled production code. A checker counts only when a mutant has made
// it fire. Each mutant is a list of [module, text, replacement] applied to a copy; a text that is not found exactly once
// is an error, so the list cannot rot in silence.

export interface Mutant {
  readonly name: string;
  readonly edits: readonly (readonly [module: string, text: string, replacement: string])[];
}

const TALLY_SHORT = [
  'core/tally',
  'get won() {',
  'get short() {\n        return this.#yes.size >= this.#quorum - 1;\n    }\n    get won() {',
] as const;

const RECORD_LEARNED = "out.writes.push({ type: 'record', instance, ballot, chosen: true, checksum: chain, value });";

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'ack before save',
    edits: [
      ['engine/pump', 'batch.held.push({ group: name, envelope });', 'this.#release({ group: name, envelope });'],
    ],
  },
  {
    name: 'half the saves are not synced',
    edits: [
      [
        'store/memory-store',
        'this.#inFlight = work;\n        return work;',
        'this.#inFlight = work;\n        this.saves = (this.saves ?? 0) + 1;\n        if (this.saves % 2 === 0) return work;\n        work.catch(() => undefined);\n        return Promise.resolve();',
      ],
    ],
  },
  {
    name: 'accept ignores the promise',
    edits: [
      [
        'core/acceptor',
        'accept(instance, ballot, value, chain, out) {\n        if (compareBallots(ballot, this.#promised) < 0) {',
        'accept(instance, ballot, value, chain, out) {\n        if (false) {',
      ],
    ],
  },
  {
    name: 'prepare ignores accepted values',
    edits: [['core/acceptor', 'vote: vote && { ballot: vote.ballot, value: vote.value }', 'vote: null']],
  },
  {
    name: 'prepare quorum one short',
    edits: [TALLY_SHORT, ['core/proposer', 'if (!phase.tally.won)', 'if (!phase.tally.short)']],
  },
  {
    name: 'accept quorum one short',
    edits: [TALLY_SHORT, ['core/proposer', 'return phase.tally.won ?', 'return phase.tally.short ?']],
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
  },
  {
    name: 'a learned value lowers the promise',
    edits: [
      ['core/replica', RECORD_LEARNED, `${RECORD_LEARNED} out.writes.push({ type: 'promise', ballot });`],
      ['store/memory-disk', 'if (compareBallots(write.ballot, held.promised) > 0)', 'if (true)'],
    ],
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
  },
  {
    name: 'promise never saved',
    edits: [['core/acceptor', "out.writes.push({ type: 'promise', ballot });", '']],
  },
  {
    name: 'prepare sent before its ballot is saved',
    edits: [['core/proposer', 'this.#toOtherVoters(out.after,', 'this.#toOtherVoters(out.now,']],
  },
  {
    name: 'a failed save taken for a good one',
    edits: [
      [
        'engine/pump',
        'this.pause();\n            this.schedule();\n            this.#events.storeFailed(error);',
        'this.#guard(() => this.#flushed(batch, opens));',
      ],
    ],
  },
  {
    name: 'memory kept after a failed save',
    edits: [
      ['engine/group', 'this.#replica = new Replica(', 'this.#replica ??= new Replica('],
      ['engine/group', 'suspend(code, detail) {\n        this.#replica = null;', 'suspend(code, detail) {'],
    ],
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
  },
  {
    name: 'the last promise wins',
    edits: [['core/proposer', '(phase.best === null || compareBallots(vote.ballot, phase.best.ballot) > 0)', 'true']],
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
  },
  {
    name: 'no at-most-once table',
    edits: [['machines/router', 'if (!this.#once.isNew(command.id))', 'if (false)']],
  },
  {
    name: 'no idempotency table',
    edits: [['machines/router', 'if (first !== undefined) {', 'if (false) {']],
  },
  {
    name: 'lease counted from the apply time',
    edits: [
      [
        'engine/lease-keeper',
        'applied(state, now, rank) {\n        this.#state = state;',
        'applied(state, now, rank) {\n        if (state !== null && this.#holdsByLog(state)) state = { ...state, startedAtMs: now };\n        this.#state = state;',
      ],
    ],
  },
  {
    name: 'lease halved for the others',
    edits: [
      [
        'engine/lease-keeper',
        'applied(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = state?.node == null ? now : now + state.leaseMs;',
        'applied(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = state?.node == null ? now : now + state.leaseMs / 2;',
      ],
    ],
  },
  {
    name: 'lease granted on replay',
    edits: [
      [
        'engine/lease-keeper',
        'return state.node === this.#options.self && state.origin === this.#options.origin;',
        'return state.node === this.#options.self;',
      ],
    ],
  },
  {
    name: 'no lease granted to others after a restart',
    edits: [
      [
        'engine/lease-keeper',
        'started(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = state?.node == null ? now : now + state.leaseMs;',
        'started(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = now;',
      ],
    ],
  },
  {
    name: 'the lease held on while it is given back',
    edits: [['engine/lease-keeper', 'self: self && !this.#releasing', 'self']],
  },
  {
    name: 'no margin for drift',
    edits: [['engine/lease-keeper', 'MARGIN = 0.1;', 'MARGIN = 0;']],
  },
  {
    name: '50 % drift',
    edits: [['simulator/plan', 'drift: 0.05,\n', 'drift: 0.5,\n']],
  },
  {
    name: 'late calls are told "none"',
    edits: [['engine/committer', 'unit.sends === 0 ? unproposed() : late()', 'unproposed()']],
  },
  {
    name: 'forwards of every life numbered from 0',
    edits: [['engine/group', 'Math.floor(options.clock.random() * 2 ** 52)', '0']],
  },
  {
    name: 'a taker told of a repeat',
    edits: [
      ['engine/committer', 'if (placed.length === unit.count && !isRepeat)', 'if (placed.length === unit.count)'],
    ],
  },
  {
    name: 'lease orders pile up',
    edits: [['engine/lease-keeper', 'order === this.#orders && ', '']],
  },
  {
    name: 'no deadlines while the store is down',
    edits: [['engine/pump', 'this.#arm(now);\n            return;', 'return;']],
  },
  {
    name: 'a follower passes over an instance',
    edits: [
      [
        'engine/feed',
        'this.#next = view.instanceId + 1;',
        'this.#next = view.instanceId + 1;\n                if (view.instanceId % 16 === 15) continue;',
      ],
    ],
  },
];
