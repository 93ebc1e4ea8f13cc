// Mutants of what stands around the protocol: saves, forwards, answers, the lease, the machines, the feed.
import { falls, type Mutant } from './mutant.js';

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: 'ack before save',
    edits: [
      ['engine/pump', 'batch.held.push({ group: name, envelope });', 'this.#release({ group: name, envelope });'],
    ],
    falls: falls('durable-before-said', 'crash-inside-save', 1),
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
    falls: falls('durable-before-said', 'crash-inside-save', 1),
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
    falls: falls('durable-before-said', 'crash-inside-save', 3),
  },
  {
    name: 'memory kept after a failed save',
    edits: [
      ['engine/group', 'this.#replica = new Replica(', 'this.#replica ??= new Replica('],
      ['engine/group', 'suspend(code, detail) {\n        this.#replica = null;', 'suspend(code, detail) {'],
    ],
    falls: falls('durable-before-said', 'failing-store', 1),
  },
  {
    name: 'no at-most-once table',
    edits: [['machines/router', 'if (!this.#tables.once.isNew(command.id))', 'if (false)']],
    falls: falls('acked-once', 'lease-and-drift', 1),
  },
  {
    name: 'no idempotency table',
    edits: [['machines/router', 'if (first !== undefined) {', 'if (false) {']],
    falls: falls('acked-once', 'crash-inside-save', 9),
  },
  {
    name: 'lease counted from the apply time',
    edits: [
      [
        'engine/lease/lease-keeper',
        'applied(state, now, rank) {\n        this.#state = state;',
        'applied(state, now, rank) {\n        if (state !== null && this.#holdsByLog(state)) state = { ...state, startedAtMs: now };\n        this.#state = state;',
      ],
    ],
    falls: falls('one-master', 'lease-and-drift', 7),
  },
  {
    name: 'lease halved for the others',
    edits: [
      [
        'engine/lease/lease-keeper',
        'now + state.leaseMs;\n        if (state !== null && this.#holdsByLog(state)) {',
        'now + state.leaseMs / 2;\n        if (state !== null && this.#holdsByLog(state)) {',
      ],
    ],
    falls: falls('one-master', 'lease-and-drift', 1),
  },
  {
    name: 'lease granted on replay',
    edits: [
      [
        'engine/lease/lease-keeper',
        'return state.node === this.#options.self && state.origin === this.#options.origin;',
        'return state.node === this.#options.self;',
      ],
    ],
    falls: falls('one-master', 'crash-inside-save', 1),
  },
  {
    name: 'no lease granted to others after a restart',
    edits: [
      [
        'engine/lease/lease-keeper',
        'started(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = state?.node == null ? now : now + state.leaseMs;',
        'started(state, now, rank) {\n        this.#state = state;\n        this.#othersUntil = now;',
      ],
    ],
    falls: falls('one-master', 'lease-given-back', 2),
  },
  {
    name: 'the lease held on while it is given back',
    edits: [['engine/lease/lease-keeper', 'self: self && this.#resigned !== version', 'self']],
    falls: falls('one-master', 'lease-given-back', 39),
  },
  {
    name: 'no margin for drift',
    edits: [['engine/lease/lease-keeper', 'MARGIN = 0.1;', 'MARGIN = 0;']],
    falls: falls('one-master', 'lease-and-drift', 85),
  },
  {
    name: '50 % drift',
    edits: [
      [
        'simulator/draw-plan',
        'drift: 0.05,\n                driftEveryMs: 1500,',
        'drift: 0.5,\n                driftEveryMs: 1500,',
      ],
    ],
    falls: falls('one-master', 'lease-and-drift', 5),
  },
  {
    name: 'late calls are told "none"',
    edits: [['engine/proposals/committer', 'unit.sends === 0 ? unproposed() : late()', 'unproposed()']],
    falls: falls('honest-outcome', 'crash-inside-save', 1),
  },
  {
    name: 'forwards of every life numbered from 0',
    edits: [['engine/group-rooms', 'Math.floor(clock.random() * 2 ** 52)', '0']],
    falls: falls('acked-is-kept', 'lagging-learner', 5866),
  },
  {
    name: 'a taker told of a repeat',
    edits: [
      [
        'engine/proposals/forwards',
        'if (placed.length === unit.count && !isRepeat)',
        'if (placed.length === unit.count)',
      ],
    ],
    falls: falls('honest-outcome', 'lagging-learner', 489),
  },
  {
    name: 'lease orders pile up',
    edits: [['engine/lease/lease-keeper', 'order === this.#orders && ', '']],
    falls: falls('bounded', 'swarm', 240),
  },
  {
    name: 'no deadlines while the store is down',
    edits: [['engine/pump', 'this.#arm(now);\n            return;', 'return;']],
    falls: falls('progress', 'swarm', 7),
  },
  {
    name: 'a follower passes over an instance',
    edits: [
      [
        'engine/log/feed',
        'this.#next = view.instanceId + 1;',
        'this.#next = view.instanceId + 1;\n                if (view.instanceId % 16 === 15) continue;',
      ],
    ],
    falls: falls('feed-exact', 'lease-and-drift', 1),
  },
  {
    name: 'a forwarded command garbled on its way',
    edits: [
      [
        'engine/proposals/forwarder',
        'const commands = unpackBatch(message.batch);',
        'const commands = unpackBatch(message.batch).map((one) => ({ ...one, bytes: Buffer.from(\'{"n":1000000}\') }));',
      ],
    ],
    falls: falls('validity', 'crash-inside-save', 1),
  },
  {
    name: 'an entry applied twice',
    edits: [
      [
        'engine/log/applier',
        'const outcomes = this.#router.apply(entry.instance, commands, batchTimeMs(bytes));',
        'const stampMs = batchTimeMs(bytes);\n        this.#router.apply(entry.instance, commands, stampMs);\n        this.#router.again();\n        const outcomes = this.#router.apply(entry.instance, commands, stampMs);',
      ],
      ['machines/router', 'has(machine) {', 'again() {\n        this.#applied--;\n    }\n    has(machine) {'],
      ['machines/once', 'isNew(id) {', 'isNew(id) {\n        return true;'],
    ],
    falls: falls('acked-once', 'crash-inside-save', 1),
  },
  {
    name: 'the last command of a batch left out',
    edits: [
      [
        'machines/router',
        'while (outcomes.length < commands.length) {',
        'while (outcomes.length < Math.max(1, commands.length - 1)) {',
      ],
    ],
    falls: falls('in-order', 'lease-and-drift', 1),
  },
  {
    name: 'an entry passed over after it was closed',
    edits: [
      [
        'engine/log/applier',
        'if (this.#halted !== null || this.#busy || entry.instance <= this.applied)',
        'if (this.#halted !== null || this.#busy || entry.instance <= this.applied || entry.instance % 16 === 15)',
      ],
    ],
    falls: falls('no-gap', 'lease-and-drift', 1),
  },
  {
    name: 'a renewal begins a new tenure',
    edits: [
      [
        'machines/master-machine',
        '...renewed(order), renewal: instance }',
        '...renewed(order), version: instance, renewal: instance }',
      ],
    ],
    falls: falls('lease-version', 'crash-inside-save', 1),
  },
  {
    name: 'an answer that depends on the process',
    edits: [
      [
        'machines/router',
        'return { applied: true, result: answer.result };',
        'return { applied: true, result: (run.calls = (run.calls ?? 0) + 1) % 50 === 0 ? null : answer.result };',
      ],
    ],
    falls: falls('same-state', 'duelling-proposers', 2),
  },
  {
    name: 'a forwarded batch placed one command off',
    edits: [['engine/proposals/forwards', 'index: index + at + offset', 'index: index + at + offset + 1']],
    falls: falls('acked-is-kept', 'lagging-learner', 22),
  },
  {
    name: 'what is done is still counted as waiting',
    edits: [['engine/proposals/committer', 'this.#bytes -= unit.bytes;', '']],
    falls: falls('bounded', 'liveness', 1),
  },
  {
    name: 'a failed store is never opened again',
    edits: [['engine/paxos-node', 'await this.#reopen();', '']],
    falls: falls('progress', 'liveness', 1),
  },
  {
    name: 'a forward that was refused comes again on the next link',
    edits: [['simulator/sim-network', "message.type !== 'forward' ||", 'true ||']],
    falls: falls('honest-outcome', 'short-log', 3132),
  },
  {
    name: 'any vote for a chosen value held to be one of those that chose it',
    edits: [
      [
        'simulator/checkers/group-witness',
        'compareBallots(held?.ballot ?? ballot, known?.ballot ?? ballot) >= 0',
        'true',
      ],
    ],
    falls: falls('stability', 'five-nodes', 58346),
  },
];
