// Mutants of state: machines that throw, reads, snapshots, trims and installs.
import { falls, type Mutant } from './mutant.js';

export const STATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a batch begun anew after a machine has thrown',
    edits: [
      ['machines/router', 'const outcomes = this.#partial;', 'const outcomes = [];'],
      ['machines/once', 'isNew(id) {', 'isNew(id) {\n        return true;'],
      ['machines/router', 'if (first !== undefined) {', 'if (false) {'],
    ],
    falls: falls('acked-once', 'throwing-machine', 2),
  },
  {
    name: 'a command passed over when its machine throws',
    edits: [
      [
        'machines/router',
        'const answer = machine.apply(command, context);',
        "let answer;\n    try {\n        answer = machine.apply(command, context);\n    }\n    catch {\n        answer = { rejected: 'thrown' };\n    }",
      ],
    ],
    falls: falls('acked-once', 'throwing-machine', 4),
  },
  {
    name: 'the at-most-once table lost in a snapshot',
    edits: [['machines/tables', 'tables.once = Once.of(once);', '']],
    falls: falls('acked-once', 'short-log', 21),
  },
  {
    name: 'idempotency keys lost in a snapshot',
    edits: [['machines/tables', 'tables.keys = IdempotencyTable.of(keys);', '']],
    falls: falls('acked-once', 'short-log', 197),
  },
  {
    name: 'nodes that differ after an install',
    edits: [['machines/tables', 'tables.keys = IdempotencyTable.of(keys);', '']],
    falls: falls('same-state', 'short-log', 12),
  },
  {
    name: 'a lease read served after the lease ran out',
    edits: [
      [
        'engine/reads/reader',
        "if (mode === 'lease' && holdsLease())",
        "if (mode === 'lease' && router.master.state?.node === this.#options.roster.self)",
      ],
    ],
    falls: falls('linearizable', 'stale-reads', 1),
  },
  {
    name: 'a read quorum one short',
    edits: [
      [
        'engine/reads/read-round',
        'this.#answered.size < quorumOf(this.membership)',
        'this.#answered.size < quorumOf(this.membership) - 1',
      ],
    ],
    falls: falls('linearizable', 'stale-reads', 3),
  },
  {
    name: 'a read that does not wait for its index',
    edits: [['engine/reads/reader', 'if (proof === null || router.applied < proof.index)', 'if (proof === null)']],
    falls: falls('linearizable', 'stale-reads', 23),
  },
  {
    name: 'a read that takes the answers of a round begun before it',
    edits: [
      [
        'engine/reads/read-rounds',
        'this.#fresh.push(read);',
        'if (this.#round !== null)\n            this.#round.reads.push(read);\n        else\n            this.#fresh.push(read);',
      ],
    ],
    falls: falls('linearizable', 'stale-reads', 94),
  },
  {
    name: 'the log trimmed under a running transfer',
    edits: [['engine/checkpoints/checkpointer', 'Math.min(kept, needed() ?? kept)', 'kept']],
    falls: falls('loan-kept', 'short-log', 4),
  },
  {
    name: 'a log that is never trimmed',
    edits: [
      [
        'engine/checkpoints/checkpointer',
        'if (this.#trimming || this.#current === null)',
        'if (this.#current !== undefined)',
      ],
    ],
    falls: falls('bounded', 'short-log', 2),
  },
  {
    name: 'a trim that leaves the records on the disk',
    edits: [['engine/checkpoints/checkpointer', 'await store.trim(group, before);', '']],
    falls: falls('bounded', 'short-log', 2),
  },
  {
    name: 'what was applied during a trim left to the next instance',
    edits: [
      ['engine/checkpoints/checkpointer', 'if (!this.#closed && isUp())\n                this.#considerTrim();', ''],
    ],
    falls: falls('bounded', 'short-log', 4),
  },
  {
    name: 'checkpoints that only somebody else asks for',
    edits: [['engine/checkpoints/checkpointer', 'if (since < every || ', 'if (since >= 0 || ']],
    falls: falls('bounded', 'short-log', 2),
  },
  {
    name: 'the log cut before the checkpoint',
    edits: [
      [
        'engine/checkpoints/checkpointer',
        'Math.min(router.applied + 1 - keepInstances, this.#current.instance + 1)',
        'router.applied + 1 - keepInstances',
      ],
    ],
    falls: falls('acked-is-kept', 'short-log', 4),
  },
  {
    name: 'a checkpoint counts before its blocks are synced',
    edits: [
      [
        'engine/checkpoints/checkpoint',
        'await store.syncBlocks(group, name).catch(away);\n    return { bytes, crc };',
        'return { bytes, crc };',
      ],
    ],
    falls: falls('durable-before-said', 'short-log', 2),
  },
  {
    name: 'a checkpoint installed without one of its machines',
    edits: [
      [
        'machines/group-snapshot',
        'acts.push(await readMachine(group, section, source));',
        "acts.push(section.name === 'kv' ? () => { } : await readMachine(group, section, source));",
      ],
    ],
    falls: falls('linearizable', 'short-log', 12),
  },
  {
    name: 'a garbled block accepted',
    edits: [
      ['engine/checkpoints/fetcher', ' || crc32(block.bytes) !== block.blockCrc', ''],
      ['engine/checkpoints/checkpoint', 'if (sum !== crc)', 'if (false)'],
      ['machines/sections', ' || bytes.readUInt32BE(8) !== this.#crc', ''],
    ],
    falls: falls('same-state', 'short-log', 45),
  },
  {
    name: 'an older checkpoint accepted',
    edits: [
      ['engine/checkpoints/fetcher', 'offer.instance < open() || ', ''],
      ['engine/checkpoints/vault', 'if (instance > router.applied) {', 'if (true) {'],
      [
        'engine/checkpoints/vault',
        'return (open() ?? Number.POSITIVE_INFINITY) > instance ? null : act;',
        'return act;',
      ],
      ['machines/router', 'invariant(instance > this.#applied, ', 'invariant(true, '],
    ],
    falls: falls('in-order', 'short-log', 497),
  },
  {
    name: 'a checkpoint resets the promise',
    edits: [
      [
        'core/acceptor',
        'nextInstance() {',
        "forget() {\n        this.#promised = { round: 0, node: '' };\n    }\n    nextInstance() {",
      ],
      [
        'core/replica',
        'this.#proposer.installed(instance, out);',
        'this.#proposer.installed(instance, out);\n        this.acceptor.forget();',
      ],
    ],
    falls: falls('promise-monotone', 'short-log', 4),
  },
  {
    name: 'what was applied while the store was away is not trimmed for',
    edits: [['engine/group', 'if (isBack)', 'if (false)']],
    falls: falls('bounded', 'throwing-machine', 1611),
  },
];
